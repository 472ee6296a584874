/**
 * Builds the browser files: one script for each page, one style sheet, the fonts; names carry a
 * hash of the content.
 *
 * `dist/manifest.json` maps plain names to the hashed ones. It is written after everything it names
 * and before anything old is removed, so that a server which reads it at any moment finds the
 * files.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");

/** What the pages promise to stay under, so that a slow phone can open a pad. */
const PAD_SCRIPT_GZIP_BYTES_MAX = 180_000;

const PAGES = ["pad.js", "home.js", "ops.js"];
/** Runs before the first paint. */
const FIRST = "theme.js";
const ENTRIES = [...PAGES, FIRST];
/** Its address stays, as browsers want it: they look whether its content has changed. */
const SERVICE_WORKER = "service_worker.js";

/** What packages call the file with their licence. */
const LICENSE = /^LICEN[CS]E(-MIT)?(\.txt|\.md)?$/;

/** @type {import("esbuild").BuildOptions & { metafile: true }} */
const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  metafile: true,
  outdir: "dist",
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  legalComments: "none",
  charset: "utf8",
  // The first versions that have light-dark(), popovers and :has().
  target: ["chrome123", "edge123", "firefox125", "safari17.5"],
  logLevel: "warning",
};

/**
 * CodeMirror's Markdown brings HTML, CSS, JavaScript and completion along, of which the page's own
 * Markdown (markdown.js) uses nothing. So that they are loaded only when they are chosen as
 * languages, neither does it get them, nor the list of languages it.
 * @type {import("esbuild").Plugin}
 */
const markdownAlone = {
  name: "Markdown without HTML",
  setup({ onResolve, onLoad }) {
    const filter = /^@codemirror\/(lang-html|lang-markdown|autocomplete)$/;
    onResolve({ filter }, ({ path, importer }) => {
      const wanted = path.endsWith("markdown") ? "language-data" : "lang-markdown";
      return importer.includes(wanted) ? { path, namespace: "absent" } : undefined;
    });
    const contents = "export let html, htmlCompletionSource, CompletionContext";
    onLoad({ filter: /.*/, namespace: "absent" }, () => ({ contents }));
  },
};

/** @type {Record<string, string>} */
const manifest = {};

const [pages, first, styles] = await Promise.all([
  esbuild.build({
    ...common,
    entryPoints: PAGES,
    format: "esm",
    // What is loaded only when it is asked for, such as languages, goes into files of its own.
    splitting: true,
    chunkNames: "[name]-[hash]",
    plugins: [markdownAlone],
  }),
  // A classic script, which blocks.
  esbuild.build({ ...common, entryPoints: [FIRST], format: "iife" }),
  esbuild.build({ ...common, entryPoints: ["style.css", "ops.css"], loader: { ".woff2": "file" } }),
]);

for (const { metafile } of [pages, first, styles]) {
  for (const [path, output] of Object.entries(metafile.outputs)) {
    // Chunks are known by the scripts that load them; the pages never name them.
    const chunk = path.endsWith(".js") && !ENTRIES.includes(output.entryPoint ?? "");
    const source = output.entryPoint ?? Object.keys(output.inputs)[0];
    manifest[basename(chunk || source === undefined ? path : source)] = basename(path);
  }
}

await writeStrings();
await buildServiceWorker();
await writeFile(join(dist, "licenses.txt"), await licenses([pages, styles]));
manifest["licenses.txt"] = "licenses.txt";
await writeFile(join(dist, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");

/** What else each page's script needs at once, so that the page can ask for all of it together. */
const imports = Object.fromEntries(
  PAGES.map((page) => [page, [...loadedAtFirst(manifest[page])].slice(1)]),
);
await writeFile(join(dist, "imports.json"), JSON.stringify(imports, null, 2) + "\n");

await pack();
const current = new Set([...Object.values(manifest), "manifest.json", "imports.json"]);
for (const name of await readdir(dist)) {
  if (!current.has(name.replace(/\.gz$/, ""))) await rm(join(dist, name));
}

for (const name of ["pad.js", "home.js", "ops.js", "theme.js", "style.css"]) {
  let bytes = 0;
  for (const file of [...loadedAtFirst(manifest[name]), ...besides(name)])
    bytes += gzipSync(await readFile(join(dist, file)), { level: 9 }).length;
  console.log(
    `${name.padEnd(10)} ${(bytes / 1000).toFixed(1).padStart(6)} kB gzip   ${manifest[name]}`,
  );
  if (name === "pad.js" && bytes > PAD_SCRIPT_GZIP_BYTES_MAX) {
    throw new Error(`pad.js is ${bytes} bytes gzip, the limit is ${PAD_SCRIPT_GZIP_BYTES_MAX}`);
  }
}

/** The service worker knows the files of this version, but for languages of code. */
async function buildServiceWorker() {
  const own = new Set();
  for (const [path, { entryPoint }] of Object.entries(pages.metafile.outputs)) {
    // Nobody looks at a server that is not there.
    if (entryPoint === "ops.js") continue;
    if (entryPoint !== undefined && !entryPoint.includes("node_modules"))
      loadedAtFirst(basename(path), own.add(basename(path)));
  }
  // Texts are only those of the languages in which pages have come: these name them.
  for (const [name, file] of Object.entries(manifest)) {
    // Fonts with letters that few languages have come when they are used, as on the page.
    const look = /\.(css|woff2)$/.test(name) && !name.includes("-ext-") && name !== "ops.css";
    if (name === FIRST || look) own.add(file);
  }
  await esbuild.build({
    ...common,
    entryPoints: [SERVICE_WORKER],
    entryNames: "[name]",
    format: "iife",
    define: { "globalThis.OWN_FILES": JSON.stringify([...own].sort()) },
  });
  manifest[SERVICE_WORKER] = SERVICE_WORKER;
}

/** What is sent as text is packed once, here; the server sends the packed file to who can unpack it. */
async function pack() {
  for (const name of Object.values(manifest)) {
    if (!/\.(js|css|txt)$/.test(name)) continue;
    const content = await readFile(join(dist, name));
    await writeFile(join(dist, `${name}.gz`), gzipSync(content, { level: 9 }));
  }
}

/** What a page loads beside its own script: the theme, and the texts, of the longest language. @param {string} name */
function besides(name) {
  if (!PAGES.includes(name)) return [];
  const scripts = name === "pad.js" ? ["strings-"] : ["strings-", "more-strings-"];
  return [manifest[FIRST], ...scripts.map(longest)];
}

/** @param {string} prefix  of the same script in all languages */
function longest(prefix) {
  const files = Object.keys(manifest).filter((key) => key.startsWith(prefix));
  const sizes = files.map((key) => [manifest[key], statSync(join(dist, manifest[key])).size]);
  return String(sizes.toSorted(([, a], [, b]) => Number(b) - Number(a))[0][0]);
}

/** A file with all that it imports, and that these import, at once. @param {string} file */
function loadedAtFirst(file, files = new Set([file])) {
  for (const { path, kind } of pages.metafile.outputs[`dist/${file}`]?.imports ?? []) {
    const imported = basename(path);
    if (kind === "dynamic-import" || files.has(imported)) continue;
    loadedAtFirst(imported, files.add(imported));
  }
  return files;
}

/**
 * Each language's texts as two scripts, which a page loads before its own: those of a pad, and those
 * that only other pages need too, so that who writes need not wait for them.
 */
async function writeStrings() {
  const folder = join(here, "../strings");
  for (const file of await readdir(folder)) {
    const code = basename(file, ".json");
    // The operations page has its texts from its template.
    const { home, errors, ops, ...pad } = JSON.parse(await readFile(join(folder, file), "utf8"));
    await writeScript(`strings-${code}`, `globalThis.deltapadStrings=${JSON.stringify(pad)};
`);
    const more = JSON.stringify({ home, errors });
    await writeScript(`more-strings-${code}`, `Object.assign(deltapadStrings,${more});
`);
  }
}

/** @param {string} name @param {string} script */
async function writeScript(name, script) {
  const hash = createHash("sha256").update(script).digest("hex").slice(0, 8).toUpperCase();
  manifest[`${name}.js`] = `${name}-${hash}.js`;
  await writeFile(join(dist, manifest[`${name}.js`]), script);
}

/**
 * The licence texts of every package that went into the bundle, which their licences ask to be
 * passed on.
 * @param {import("esbuild").BuildResult<{ metafile: true }>[]} results
 */
async function licenses(results) {
  const folders = new Set();
  for (const { metafile } of results) {
    for (const path of Object.keys(metafile.inputs)) {
      const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path);
      if (match) folders.add(match[1]);
    }
  }
  let text = "";
  for (const folder of [...folders].sort()) {
    const named = (await readdir(join(here, folder))).find((file) => LICENSE.test(file));
    if (named === undefined) throw new Error(`${folder} has no licence`);
    const license = await readFile(join(here, folder, named), "utf8");
    const name = folder.replace(/^.*node_modules\//, "");
    text += `${name}\n\n${license.trim()}\n\n${"-".repeat(72)}\n\n`;
  }
  return text;
}
