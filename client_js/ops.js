/**
 * The operations page: asks for the figures every 2 seconds while somebody looks, and writes them
 * into the page, which the server has filled with the first ones.
 */
import { onThemeElsewhere } from "./appearance.js";
import { byId, element, setText } from "./dom.js";
import { icon } from "./icons.js";
import { drawLatency, drawSparkline } from "./ops_chart.js";
import { locale } from "./strings.js";

/**
 * @typedef {object} Tile
 * @property {string} name @property {string} figure @property {string} unit
 * @property {string} context  with a place for the time of the peak, where there is one
 * @property {number | null} peak_ms @property {(number | null)[]} points
 *
 * @typedef {object} Shown  the answer of `GET /ops/figures`
 * @property {number} at_ms
 * @property {boolean} healthy @property {string} state @property {string} up
 * @property {Tile[]} tiles
 * @property {import("./ops_chart.js").Latency} latency
 * @property {boolean} empty
 * @property {{ ok: boolean, label: string, value: string }[]} checks
 * @property {string[][]} pads
 * @property {{ at_ms: number, text: string }[]} events
 */

const EVERY_MS = 2_000;
/** Without an answer for so long the feed has stalled, and is asked anew. */
const ANSWER_MS_MAX = 5_000;

const page = document.body;
/** What the template says, with places for values. */
const texts = page.dataset;
const pause = byId("pause", HTMLButtonElement);
const ranges = byId("ranges", HTMLFormElement);
const chart = byId("chart", HTMLElement);

/** What the chart shows. @type {import("./ops_chart.js").Latency | undefined} */
let latency;
/** When the newest figures were measured. */
let newestMs = Date.now();
let paused = false;
/** Counts up with each question: an answer to an older one is not shown. */
let asked = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {number} ms */
const clock = (ms) =>
  new Date(ms).toLocaleTimeString(locale, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });

/** A time of today, or else the day. @param {number} ms */
const moment = (ms) =>
  Date.now() - ms < 86_400_000 ? clock(ms) : new Date(ms).toLocaleDateString(locale);

async function ask() {
  clearTimeout(timer);
  const number = ++asked;
  try {
    const range = String(new FormData(ranges).get("range"));
    const answer = await fetch(`/ops/figures?range=${range}`, {
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    // The token has changed, or the cookie is old: the page says so.
    if (answer.status === 403) return location.reload();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const shown = await answer.json();
    if (number === asked) show(shown);
  } catch {
    if (number === asked && !paused) stalled();
  }
  if (number === asked) askLater();
}

function askLater() {
  clearTimeout(timer);
  if (!paused && document.visibilityState === "visible") timer = setTimeout(ask, EVERY_MS);
}

function stalled() {
  page.classList.add("stalled");
  tell(texts.stalled, { aloud: true });
}

/**
 * What changes every 2 seconds is only shown; what somebody has to know is also read out.
 * @param {string} [text] @param {{ aloud?: boolean }} [how]
 */
function tell(text = "", { aloud = false } = {}) {
  const said = text.replace("{time}", clock(newestMs));
  setText(byId("updated", HTMLElement), said);
  setText(byId("live", HTMLElement), aloud ? said : "");
}

/** @param {Shown} shown */
function show(shown) {
  newestMs = shown.at_ms;
  page.classList.remove("stalled");
  if (!paused) tell(texts.updated);
  byId("state", HTMLElement).dataset.well = String(shown.healthy);
  setText(byId("state-text", HTMLElement), shown.state);
  setText(byId("up", HTMLElement), shown.up);
  shown.tiles.forEach(showTile);
  const empty = byId("empty", HTMLElement);
  empty.hidden = !shown.empty;
  latency = shown.latency;
  drawChart();
  showRows("latency-rows", latencyRows(shown.latency));
  showRows("pad-rows", shown.pads);
  byId("checks", HTMLElement).replaceChildren(...shown.checks.map(check));
  byId("events", HTMLElement).replaceChildren(
    ...shown.events.map(({ at_ms, text }) =>
      element("li", "", element("time", "", moment(at_ms)), element("span", "", text)),
    ),
  );
}

function drawChart() {
  if (!latency) return;
  drawLatency(chart, latency, {
    goalMs: Number(texts.goalMs),
    goal: texts.goal ?? "",
    highest: texts.highest ?? "",
    clock: (ms) => clock(ms).slice(0, 5),
  });
}

/** @param {Tile} tile */
function showTile({ name, figure, unit, context, peak_ms, points }) {
  const tile = byId(`tile-${name}`, HTMLElement);
  const said = peak_ms === null ? context : context.replace("{time}", clock(peak_ms).slice(0, 5));
  for (const [part, text] of Object.entries({ value: figure, unit, context: said })) {
    const place = tile.querySelector(`.${part}`);
    if (place) setText(place, text);
  }
  const place = tile.querySelector(".spark");
  if (place) drawSparkline(place, points);
}

/** @param {Shown["checks"][number]} check */
function check({ ok, label, value }) {
  return element(
    "li",
    ok ? "good" : "bad",
    icon(ok ? "check" : "warning"),
    element("span", "visually-hidden", (ok ? texts.good : texts.bad) ?? ""),
    element("span", "what", label),
    element("span", "value", value),
  );
}

/** The newest first. @param {Shown["latency"]} latency */
function latencyRows({ start_ms, step_ms, p50, p95, p99 }) {
  return p99
    .map((highest, at) => [clock(start_ms + at * step_ms), p50[at], p95[at], highest].map(String))
    .filter((_, at) => p99[at] !== null)
    .reverse();
}

/** @param {string} id @param {string[][]} rows */
function showRows(id, rows) {
  const cells = (/** @type {string[]} */ row) => row.map((text) => element("td", "", text));
  byId(id, HTMLElement).replaceChildren(...rows.map((row) => element("tr", "", ...cells(row))));
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.replaceChildren(icon(paused ? "play" : "pause"));
  pause.setAttribute("aria-label", (paused ? texts.goOn : texts.pause) ?? "");
  if (paused) {
    clearTimeout(timer);
    tell(texts.paused, { aloud: true });
  } else ask();
});
ranges.addEventListener("change", () => {
  const range = String(new FormData(ranges).get("range"));
  history.replaceState(null, "", `/ops?range=${range}`);
  ask();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && !paused) ask();
});

// Its letters have one size at every width, so that it is not only scaled.
new ResizeObserver(drawChart).observe(chart);
onThemeElsewhere();

pause.hidden = false;
ask();
