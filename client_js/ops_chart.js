/**
 * Charts of the operations page, as SVG: sparklines from zero, and the latency of edits with its
 * goal. They are pictures only: the figures are in the tables beside them.
 */

/**
 * @typedef {object} Latency  milliseconds by step; null where nothing was typed
 * @property {number} start_ms @property {number} step_ms
 * @property {(number | null)[]} p50 @property {(number | null)[]} p95
 * @property {(number | null)[]} p99
 *
 * @typedef {object} Labels
 * @property {number} goalMs @property {string} goal
 * @property {string} highest  with {value} and {time}
 * @property {(ms: number) => string} clock
 */

const SVG = "http://www.w3.org/2000/svg";
/** Of a sparkline, in its own units. */
const SPARK = { width: 200, height: 40, margin: 4 };
/** Room beside the lines: for figures at the left, labels at the right, times below. */
const ROOM = { top: 28, right: 92, bottom: 24, left: 34 };
const HEIGHT = 270;
const LABEL_HEIGHT = 16;
/** Steps of the axis. */
const PARTS = 4;

/**
 * @param {string} name @param {Record<string, string | number>} attributes
 * @param {...(string | Node)} children
 */
function svg(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** One piece of line for each run of points that are there. @param {[number, number | null][]} points */
export function linePath(points) {
  let path = "";
  let drawing = false;
  for (const [x, y] of points) {
    if (y !== null) path += `${drawing ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    // A point alone is a dot, by the round ends of the line.
    if (y !== null && !drawing) path += "h0";
    drawing = y !== null;
  }
  return path;
}

/** Labels that would overlap are moved apart, downwards first. @param {number[]} wanted  from the top @param {number} bottom */
export function apart(wanted, bottom) {
  const places = [...wanted];
  for (let at = 1; at < places.length; at++)
    places[at] = Math.max(places[at], places[at - 1] + LABEL_HEIGHT);
  for (let at = places.length - 1; at >= 0; at--)
    places[at] = Math.min(places[at], bottom - (places.length - 1 - at) * LABEL_HEIGHT);
  return places;
}

/** The top of an axis that holds a value: four round steps. @param {number} value */
export function roundTop(value) {
  const step = Math.max(1, value / PARTS);
  const magnitude = 10 ** Math.floor(Math.log10(step));
  const round = [1, 2, 5, 10].find((digit) => digit * magnitude >= step) ?? 10;
  return PARTS * round * magnitude;
}

/** @param {Element} place @param {(number | null)[]} values */
export function drawSparkline(place, values) {
  const { width, height, margin } = SPARK;
  const most = Math.max(1e-9, ...values.map((value) => value ?? 0));
  const step = (width - 2 * margin) / Math.max(1, values.length - 1);
  const points = values.map((value, at) => /** @type {[number, number | null]} */ ([
    margin + at * step,
    value === null ? null : height - (value / most) * (height - margin),
  ]));
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" });
  const there = /** @type {[number, number][]} */ (points.filter(([, y]) => y !== null));
  if (there.length > 0) {
    const area = `M${there[0][0]} ${height}${there.map(([x, y]) => `L${x} ${y}`).join("")}`;
    picture.append(
      svg("path", { class: "area", d: `${area}L${there[there.length - 1][0]} ${height}Z` }),
      svg("path", { class: "line", d: linePath(points) }),
      // A line of no length, whose round ends are a dot, whatever the picture's proportions.
      svg("path", { class: "newest", d: linePath(there.slice(-1)) }),
    );
  }
  place.replaceChildren(picture);
}

/** @param {HTMLElement} place @param {Latency} latency @param {Labels} labels */
export function drawLatency(place, latency, labels) {
  const width = Math.max(280, place.clientWidth);
  const values = [...latency.p99.map((value) => value ?? 0), labels.goalMs];
  const top = roundTop(1.1 * Math.max(...values));
  const right = width - ROOM.right;
  const bottom = HEIGHT - ROOM.bottom;
  const steps = latency.p99.length;
  /** @param {number} at */
  const x = (at) => ROOM.left + ((right - ROOM.left) * at) / Math.max(1, steps - 1);
  /** @param {number} ms */
  const y = (ms) => bottom - ((bottom - ROOM.top) * ms) / top;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT });
  for (let part = 0; part <= PARTS; part++) {
    const ms = (part * top) / PARTS;
    const at = y(ms);
    picture.append(
      svg("line", { class: "grid", x1: ROOM.left, x2: right, y1: at, y2: at }),
      svg("text", { x: ROOM.left - 8, y: at + 4, "text-anchor": "end" }, String(ms)),
    );
  }
  for (const share of [0, 1 / 3, 2 / 3, 1]) {
    const at = Math.round(share * (steps - 1));
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    const time = labels.clock(latency.start_ms + at * latency.step_ms);
    picture.append(svg("text", { x: x(at), y: HEIGHT - 4, "text-anchor": anchor }, time));
  }
  const goal = y(labels.goalMs);
  picture.append(
    svg("line", { class: "goal", x1: ROOM.left, x2: right, y1: goal, y2: goal }),
    svg("text", { class: "goal-label", x: ROOM.left + 4, y: goal - 6 }, labels.goal),
  );
  const names = /** @type {const} */ (["p99", "p95", "p50"]);
  for (const name of names) {
    const points = latency[name].map((ms, at) =>
      /** @type {[number, number | null]} */ ([x(at), ms === null ? null : y(ms)]));
    picture.append(svg("path", { class: `line ${name}`, d: linePath(points) }));
  }
  label(picture, latency, { names, right, bottom, y });
  nameHighest(picture, latency, labels, { x, y, right });
  place.replaceChildren(picture);
}

/**
 * What each line is, and its newest figure, at its end.
 * @param {Element} picture @param {Latency} latency
 * @param {{ names: readonly ("p50" | "p95" | "p99")[], right: number, bottom: number, y: (ms: number) => number }} at
 */
function label(picture, latency, { names, right, bottom, y }) {
  const newest = latency.p99.findLastIndex((value) => value !== null);
  if (newest < 0) return;
  const figures = names.map((name) => latency[name][newest] ?? 0);
  const places = apart(figures.map(y), bottom);
  names.forEach((name, at) => {
    const text = `${name} ${figures[at]} ms`;
    picture.append(svg("text", { class: `label ${name}`, x: right + 8, y: places[at] + 4 }, text));
  });
}

/**
 * The highest point, with its figure and its time.
 * @param {Element} picture @param {Latency} latency @param {Labels} labels
 * @param {{ x: (at: number) => number, y: (ms: number) => number, right: number }} scale
 */
function nameHighest(picture, { p99, start_ms, step_ms }, labels, { x, y, right }) {
  const most = Math.max(...p99.map((value) => value ?? -1));
  if (most < 0) return;
  const at = p99.indexOf(most);
  const onLeft = x(at) > right / 2;
  const time = labels.clock(start_ms + at * step_ms);
  const text = labels.highest.replace("{value}", String(most)).replace("{time}", time);
  picture.append(
    svg("circle", { class: "highest", cx: x(at), cy: y(most), r: 3.5 }),
    svg(
      "text",
      { x: x(at) + (onLeft ? -9 : 9), y: y(most) - 4, "text-anchor": onLeft ? "end" : "start" },
      text,
    ),
  );
}
