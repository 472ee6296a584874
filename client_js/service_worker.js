/**
 * The service worker: a pad that this browser has opened opens without a connection too.
 *
 * It keeps pages as they came, and the files that they name, and shows them only where the server
 * does not answer. The text of a kept page may be old: its script goes on from the newer of it and
 * the local copy (`isNewer` in local_copy.js), and catches up with the log by revision. Nothing but
 * the start page, pads and files with hashed names is ever kept or answered here.
 */

/**
 * @typedef {Event & { waitUntil: (work: Promise<unknown>) => void }} LifeEvent
 * @typedef {LifeEvent & {
 *   request: Request,
 *   preloadResponse: Promise<Response | undefined>,
 *   respondWith: (answer: Promise<Response>) => void,
 * }} FetchEvent
 * @typedef {object} WorkerScope  what is used here of the global scope
 * @property {{ claim: () => Promise<void>,
 *   matchAll: (options: object) => Promise<{ url: string }[]> }} clients
 * @property {{ navigationPreload?: { enable: () => Promise<void> } }} registration
 * @property {{
 *   (type: "install" | "activate", listener: (event: LifeEvent) => void): void,
 *   (type: "fetch", listener: (event: FetchEvent) => void): void,
 * }} addEventListener
 */

const worker = /** @type {WorkerScope} */ (/** @type {unknown} */ (self));

/** Names of the files of this version, but for the languages of code; build.mjs puts them here. */
const OWN_FILES = /** @type {string[]} */ (/** @type {any} */ (globalThis).OWN_FILES);

/** How long the network may take before a kept page is shown: its script goes on from there. */
const PATIENCE_MS = 3_000;
/** Pages that are kept; the least recently used go. Enough for last month's pads. */
const PAGES_MAX = 50;
/**
 * Files that are kept, some 17 kB each. A version has 64, and languages; so those of the versions
 * before it stay for pages that are open, or kept, for several releases.
 */
const FILES_MAX = 500;

const PAGES = "deltapad-pages";
const FILES = "deltapad-files";
/** The start page and the one that says "You are offline", for where no page is kept. */
const OTHERWISE = "deltapad-otherwise";
const OFFLINE = "/offline";

/** The start page, and a pad by either of its links. */
const PAGE = /^\/(?:p\/[A-Za-z0-9_-]{1,64}|v\/[A-Za-z0-9]{12})?$/;
/** What a file with such a name holds never changes. */
const FILE = /^\/static\/[\w.-]+-[A-Z0-9]{8}\.(?:js|css|woff2)$/;
const FILES_IN_PAGE = /\/static\/[\w.-]+-[A-Z0-9]{8}\.(?:js|css|woff2)(?=")/g;
/** Answers for which a page is forgotten: the pad is not there any more. */
const GONE = [404, 410];

// A new version waits until no page of the older one is open: nobody is changed under way.
worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, searchParams } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (FILE.test(pathname)) event.respondWith(file(event, pathname));
  // `?plain` is the page without a script: nothing of it would work offline.
  else if (request.mode === "navigate" && PAGE.test(pathname) && !searchParams.has("plain"))
    event.respondWith(page(event, pathname));
});

/** If anything cannot be had the browser tries it again another time. */
async function install() {
  const otherwise = await caches.open(OTHERWISE);
  for (const address of ["/", OFFLINE]) {
    const answer = await fetch(address, { cache: "no-cache" });
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    await keep(otherwise, address, answer);
  }
  for (const name of OWN_FILES) await needFile(`/static/${name}`);
}

async function activate() {
  await worker.registration.navigationPreload?.enable();
  await worker.clients.claim();
  const pages = await caches.open(PAGES);
  // The pages that are open were not asked for through here.
  for (const { url } of await worker.clients.matchAll({ type: "window" })) {
    const { pathname } = new URL(url);
    if (!PAGE.test(pathname)) continue;
    // One that cannot be had now is kept at another visit.
    await fetch(pathname).then((answer) => note(pages, pathname, answer)).catch(() => {});
  }
  await dropOldFiles();
  // A page whose files are gone would open as a wreck.
  for (const request of await pages.keys())
    if (!(await isWhole(await pages.match(request)))) await pages.delete(request);
}

/**
 * From the network, if it answers in time; else as it was kept; else a page that says why.
 * @param {FetchEvent} event @param {string} pathname
 */
async function page(event, pathname) {
  const pages = await caches.open(PAGES);
  const kept = await pages.match(pathname, { ignoreVary: true });
  const asked = askNetwork(event);
  const answer = await (kept === undefined ? asked : Promise.race([asked, after(PATIENCE_MS)]));
  // 5xx is a server that is being restarted, or its proxy: one can write in the pad meanwhile.
  if (answer !== undefined && (answer.status < 500 || kept === undefined)) {
    event.waitUntil(note(pages, pathname, answer.clone()));
    return answer;
  }
  if (kept === undefined) return pageOtherwise(pathname);
  // It is the latest used now; behind it comes what the server says, however late.
  event.waitUntil(keepAndNote(pages, pathname, kept.clone(), asked));
  return kept;
}

/** @param {Cache} pages @param {string} pathname @param {Response} kept @param {Promise<Response | undefined>} asked */
async function keepAndNote(pages, pathname, kept, asked) {
  // One of its files may be gone.
  await keep(pages, pathname, kept).catch(() => {});
  const answer = await asked;
  if (answer !== undefined) await note(pages, pathname, answer);
}

/** What the server says, undefined if nothing. @param {FetchEvent} event */
async function askNetwork(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return undefined;
  }
}

/** @param {Cache} pages @param {string} pathname @param {Response} answer */
async function note(pages, pathname, answer) {
  if (GONE.includes(answer.status)) await pages.delete(pathname);
  // A redirect leads to another page, which is noted by itself.
  if (answer.status !== 200 || answer.redirected) return;
  await keep(pages, pathname, answer);
  const all = await pages.keys();
  for (const oldest of all.slice(0, Math.max(0, all.length - PAGES_MAX)))
    await pages.delete(oldest);
}

/**
 * Keeps a page behind all others, and before it every file that it names. It says that it was kept,
 * so that its script prefers a local copy of another epoch (`takePageText` in page_text.js).
 * @param {Cache} pages @param {string} pathname @param {Response} answer
 */
async function keep(pages, pathname, answer) {
  const html = await answer.text();
  for (const [name] of html.matchAll(FILES_IN_PAGE)) await needFile(name);
  const headers = new Headers(answer.headers);
  headers.set("Server-Timing", "kept");
  // It is unpacked by now.
  headers.delete("Content-Encoding");
  headers.delete("Content-Length");
  await pages.delete(pathname, { ignoreVary: true });
  await pages.put(pathname, new Response(html, { headers }));
}

/** @param {string} pathname */
async function pageOtherwise(pathname) {
  const otherwise = await caches.open(OTHERWISE);
  const found = await otherwise.match(pathname === "/" ? "/" : OFFLINE, { ignoreVary: true });
  return found ?? Response.error();
}

/** @param {FetchEvent} event @param {string} pathname */
async function file(event, pathname) {
  const files = await caches.open(FILES);
  const kept = await files.match(pathname, { ignoreVary: true });
  if (kept !== undefined) return kept;
  const answer = await fetch(event.request);
  if (answer.status === 200) event.waitUntil(keepFile(files, pathname, answer.clone()));
  return answer;
}

/** Sees to it that a file is kept. @param {string} pathname */
async function needFile(pathname) {
  const files = await caches.open(FILES);
  if ((await files.match(pathname, { ignoreVary: true })) !== undefined) return;
  const answer = await fetch(pathname);
  if (answer.status !== 200) throw new Error(`${pathname}: ${answer.status}`);
  await files.put(pathname, answer);
}

/** @param {Cache} files @param {string} pathname @param {Response} answer */
async function keepFile(files, pathname, answer) {
  await files.put(pathname, answer);
  await dropOldFiles();
}

/** Those that came first go first, but for this version's. */
async function dropOldFiles() {
  const files = await caches.open(FILES);
  const all = await files.keys();
  const others = all.filter(({ url }) => !OWN_FILES.some((name) => url.endsWith(`/${name}`)));
  for (const oldest of others.slice(0, Math.max(0, all.length - FILES_MAX)))
    await files.delete(oldest);
}

/** Whether all files are here that a page names. @param {Response | undefined} kept */
async function isWhole(kept) {
  const files = await caches.open(FILES);
  for (const [name] of (await kept?.text())?.matchAll(FILES_IN_PAGE) ?? [])
    if ((await files.match(name, { ignoreVary: true })) === undefined) return false;
  return true;
}

/** @param {number} ms @returns {Promise<undefined>} */
function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined));
}
