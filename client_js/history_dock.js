/**
 * The dock below an old text: play, step, speed, and the slider over the bars of who changed how
 * much.
 */
import { byId, element } from "./dom.js";
import { icon } from "./icons.js";
import { Player } from "./history_player.js";
import { bucketsOf, dayStarts, placeLabels } from "./history_shape.js";
import { clockTime, dayAndTime, dayLabel, spokenTime } from "./history_times.js";
import { onPreference, prefer, preference } from "./preferences.js";
import { t } from "./strings.js";

/** @typedef {import("./history_log.js").HistoryLog} HistoryLog */
/** @typedef {import("./history_shape.js").NamedVersion} NamedVersion */

const SVG = "http://www.w3.org/2000/svg";

const BARS_HEIGHT_PX = 40;

/** Between the stacked parts of a bar. */
const PART_GAP_PX = 0.75;

/** A bar of somebody who changed little is seen all the same. */
const PART_HEIGHT_MIN_PX = 1;

const LABEL_GAP_PX = 16;

/** A screen reader is told where the slider is when it rests. */
const REST_MS = 250;

const STEP = 1;
const BIG_STEP = 10;

export class HistoryDock {
  /** @type {HistoryLog | null} */
  #log = null;
  /** @type {NamedVersion[]} */
  #named = [];
  #revision = 0;
  #dragging = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #restTimer;

  /**
   * @param {object} options
   * @param {(revision: number) => void} options.onSeek
   * @param {(direction: 1 | -1) => void} options.onVersion  to the next or the last one
   * @param {(revision: number) => void} options.onRest  the slider has been there for a moment
   * @param {() => void} options.onPlay
   */
  constructor({ onSeek, onVersion, onRest, onPlay }) {
    this.onSeek = onSeek;
    this.onVersion = onVersion;
    this.onRest = onRest;
    this.slider = byId("history-slider", HTMLElement);
    this.play = byId("history-play", HTMLElement);
    this.speed = byId("history-speed", HTMLSelectElement);
    this.player = new Player({
      log: () => this.#log,
      revision: () => this.#revision,
      how: () => ({ speed: Number(this.speed.value), skipQuiet: preference("skipQuiet") }),
      onSeek,
      onChange: () => {
        if (this.player.playing) onPlay();
        this.#showPlaying();
      },
    });
    this.#listen();
  }

  /** In somebody's hand, or playing. */
  get busy() {
    return this.#dragging || this.player.playing;
  }

  /** Nothing can be moved while there is nothing to show. @param {boolean} disabled */
  setDisabled(disabled) {
    for (const id of ["history-play", "history-previous", "history-next"])
      byId(id, HTMLButtonElement).disabled = disabled;
    this.slider.setAttribute("aria-disabled", String(disabled));
    this.slider.parentElement?.classList.toggle("disabled", disabled);
  }

  /**
   * There is more of the log, or another name.
   * @param {HistoryLog} log @param {NamedVersion[]} named @param {number} revision  that is shown
   */
  setLog(log, named, revision) {
    this.#log = log;
    this.#named = named.filter(({ revision }) => revision > log.first && revision <= log.head);
    this.slider.setAttribute("aria-valuemin", String(log.first));
    this.slider.setAttribute("aria-valuemax", String(log.head));
    this.#showBars(log);
    this.#showFlags(log);
    this.#showLabels();
    this.show(revision);
  }

  /** @param {number} revision */
  show(revision) {
    this.#revision = revision;
    const log = this.#log;
    if (log === null) return;
    const at = percent(this.#share(revision));
    // Not by one custom property: the bars would inherit it, and all be styled anew in each frame.
    byId("history-thumb", HTMLElement).style.left = at;
    byId("history-done", HTMLElement).style.width = at;
    byId("history-future", HTMLElement).style.left = at;
    const entry = log.entry(revision);
    const who = log.authorOf(revision)?.name ?? t("history.nobody");
    const number = element("b", "", `${t("history.revision")} ${revision}`);
    const total = ` ${t("history.ofTotal", { total: String(log.head) })}`;
    const rest = entry === undefined ? [] : [dayAndTime(entry[1], { seconds: true }), who];
    const words = rest.flatMap((word) => [element("i", "", "·"), element("span", "", word)]);
    byId("history-where", HTMLElement).replaceChildren(number, total, ...words);
    clearTimeout(this.#restTimer);
    if (!this.#dragging) this.#restTimer = setTimeout(() => this.#tellRest(), REST_MS);
  }

  /** Of the way from the first to the newest revision. @param {number} revision */
  #share(revision) {
    const log = this.#log;
    if (log === null || log.head === log.first) return 1;
    return (revision - log.first) / (log.head - log.first);
  }

  #tellRest() {
    const log = this.#log;
    if (log === null) return;
    clearTimeout(this.#restTimer);
    const revision = this.#revision;
    const entry = log.entry(revision);
    const numbers = { revision: String(revision), total: String(log.head) };
    const name = log.authorOf(revision)?.name ?? t("history.nobody");
    const words =
      entry === undefined
        ? t("history.sliderStart", numbers)
        : t("history.slider", { ...numbers, time: spokenTime(entry[1]), name });
    this.slider.setAttribute("aria-valuenow", String(revision));
    this.slider.setAttribute("aria-valuetext", words);
    this.onRest(revision);
  }

  // --- what is drawn

  /** Each bar's height is of the square root, or the busiest minute would flatten the rest. @param {HistoryLog} log */
  #showBars(log) {
    const buckets = bucketsOf(log);
    const heights = buckets.map((parts) =>
      Math.sqrt([...parts.values()].reduce((sum, size) => sum + size, 0)),
    );
    const highest = Math.max(...heights, 1);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${Math.max(buckets.length, 1)} ${BARS_HEIGHT_PX}`);
    svg.setAttribute("preserveAspectRatio", "none");
    for (const [x, parts] of buckets.entries()) {
      const total = heights[x] ** 2;
      let y = BARS_HEIGHT_PX;
      for (const [color, size] of [...parts].sort(([a], [b]) => a - b)) {
        const share = (heights[x] / highest) * (size / total) * BARS_HEIGHT_PX;
        const height = Math.max(PART_HEIGHT_MIN_PX, share - PART_GAP_PX);
        y -= height;
        const rect = document.createElementNS(SVG, "rect");
        const box = { x: x + 0.1, y, width: 0.8, height };
        for (const [name, value] of Object.entries(box)) rect.setAttribute(name, value.toFixed(2));
        rect.setAttribute("class", `person-${color}`);
        svg.append(rect);
        y -= PART_GAP_PX;
      }
    }
    byId("history-bars", HTMLElement).replaceChildren(svg);
  }

  /** @param {HistoryLog} log */
  #showFlags(log) {
    const flags = this.#named.map(({ revision, name }) => {
      const flag = element("span", "history-flag", icon("flag"));
      flag.style.left = percent(this.#share(revision));
      flag.title = name;
      return flag;
    });
    const days = dayStarts(log).map((revision) => {
      const tick = element("span", "history-day");
      tick.style.left = percent(this.#share(revision));
      return tick;
    });
    byId("history-flags", HTMLElement).replaceChildren(...days, ...flags);
  }

  /** The ends, then names, then days, as far as there is room. */
  #showLabels() {
    const log = this.#log;
    const row = byId("history-labels", HTMLElement);
    if (log === null || log.entries.length === 0) return row.replaceChildren();
    const width = this.slider.clientWidth;
    const first = log.entries[0][1];
    const at = (/** @type {number} */ revision) => this.#share(revision) * width;
    const wanted = [
      { at: 0, words: `${dayLabel(first)}, ${clockTime(first)}` },
      { at: width, words: t("history.nowLabel") },
      ...this.#named.map(({ revision, name }) => ({ at: at(revision), words: name })),
      ...dayStarts(log).map((revision) => {
        const [, timeMs] = /** @type {import("./attribution.js").LogEntry} */ (log.entry(revision));
        return { at: at(revision), words: dayLabel(timeMs) };
      }),
    ];
    const labels = wanted.map((label) => ({ ...label, node: element("span", "", label.words) }));
    row.replaceChildren(...labels.map(({ node }) => node));
    const measured = labels.map((label) => ({ ...label, width: label.node.offsetWidth }));
    const placed = placeLabels(measured, { from: 0, to: width, gap: LABEL_GAP_PX });
    for (const { node, left } of placed) node.style.left = `${left}px`;
    row.replaceChildren(...placed.map(({ node }) => node));
  }

  #showPlaying() {
    const { playing } = this.player;
    this.play.classList.toggle("playing", playing);
    this.play.setAttribute("aria-label", t(playing ? "history.pause" : "history.play"));
  }

  // --- what one does

  #listen() {
    this.play.addEventListener("click", () => this.player.toggle());
    byId("history-previous", HTMLElement).addEventListener("click", () => this.#step(-STEP));
    byId("history-next", HTMLElement).addEventListener("click", () => this.#step(STEP));
    const quiet = byId("history-quiet", HTMLInputElement);
    const showQuiet = () => (quiet.checked = preference("skipQuiet"));
    quiet.addEventListener("change", () => prefer("skipQuiet", quiet.checked));
    onPreference("skipQuiet", showQuiet);
    showQuiet();
    this.slider.addEventListener("keydown", (event) => this.#keydown(event));
    this.slider.addEventListener("pointerdown", (event) => this.#drag(event));
    new ResizeObserver(() => this.#showLabels()).observe(this.slider);
  }

  /** @param {number} count */
  #step(count) {
    this.player.pause();
    const log = this.#log;
    if (log === null) return;
    const wanted = this.#revision + count;
    this.onSeek(Math.max(log.first, Math.min(log.head, wanted)));
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = event.shiftKey ? BIG_STEP : STEP;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.#step(-by),
      ArrowDown: () => this.#step(-by),
      ArrowRight: () => this.#step(by),
      ArrowUp: () => this.#step(by),
      Home: () => this.#step(-Infinity),
      End: () => this.#step(Infinity),
      PageUp: () => this.#version(-1),
      PageDown: () => this.#version(1),
      " ": () => this.player.toggle(),
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  }

  /** @param {1 | -1} direction */
  #version(direction) {
    this.player.pause();
    this.onVersion(direction);
  }

  /** One move a frame, however many the pointer makes. @param {PointerEvent} event */
  #drag(event) {
    const log = this.#log;
    if (log === null || event.button !== 0) return;
    event.preventDefault();
    this.slider.focus({ preventScroll: true });
    this.player.pause();
    this.slider.setPointerCapture(event.pointerId);
    this.#dragging = true;
    const { left, width } = this.slider.getBoundingClientRect();
    let x = event.clientX;
    let frame = 0;
    const seek = () => {
      frame = 0;
      const share = Math.max(0, Math.min(1, (x - left) / width));
      const revision = log.first + Math.round(share * (log.head - log.first));
      if (revision !== this.#revision) this.onSeek(revision);
    };
    seek();
    const move = (/** @type {PointerEvent} */ moved) => {
      x = moved.clientX;
      frame ||= requestAnimationFrame(seek);
    };
    const end = () => {
      cancelAnimationFrame(frame);
      if (frame !== 0) seek();
      this.slider.removeEventListener("pointermove", move);
      this.#dragging = false;
      this.#tellRest();
    };
    this.slider.addEventListener("pointermove", move);
    this.slider.addEventListener("lostpointercapture", end, { once: true });
  }
}

/** @param {number} share */
function percent(share) {
  return `${(100 * share).toFixed(3)}%`;
}
