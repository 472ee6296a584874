/**
 * The checksum of the text on screen, sent when all has been at rest for a while, or has not been for
 * long: if the server has another one, it says so, and the session starts over with its text. Loaded
 * later.
 *
 * It is worked out in slices of less than a millisecond, so that nobody who begins to type waits for it, and
 * is given up as soon as anything changes.
 */

/** @typedef {import("@codemirror/state").Text} Text */
/** @typedef {import("./page.js").PadPage} PadPage */
/** @typedef {{length: number, crc32: number}} Sum  length in code points */

/** Nothing has come or been typed for so long. */
export const IDLE_MS = 10_000;
/** Where somebody always writes, it is tried this often, between two edits. */
export const BUSY_MS = 60_000;
/** UTF-16 units that are worked off in one go, in less than a millisecond. */
const SLICE_UNITS = 32_768;

/** Of each byte, what it does to a CRC-32 (that of zlib and PNG, bits reversed). */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});
const encoder = new TextEncoder();

/** The checksum of nothing. @type {Sum} */
export const EMPTY = { length: 0, crc32: 0 };

/**
 * Of two texts that follow each other. Neither may begin or end inside a surrogate pair.
 * @param {Sum} before @param {string} text @returns {Sum}
 */
export function add({ length, crc32 }, text) {
  let crc = ~crc32;
  for (const byte of encoder.encode(text)) {
    crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
    // Every byte begins a code point but those that go on with one.
    if ((byte & 0xc0) !== 0x80) length += 1;
  }
  return { length, crc32: ~crc >>> 0 };
}

/** @param {PadPage} page */
export function setUpChecksum(page) {
  const check = new IdleCheck(page);
  let { phase, me } = page.state;
  page.on("entries", () => check.stir());
  page.on("update", ({ docChanged }) => docChanged && check.stir());
  page.on("state", () => {
    if (phase === page.state.phase && me === page.state.me) return;
    ({ phase, me } = page.state);
    check.stir();
  });
  check.stir();
}

export class IdleCheck {
  #movedAt = 0;
  /** When something moved that has not been looked at since. */
  #since = 0;
  /** @type {number | undefined} */
  #timer;
  /** The session and revision that were sent last. */
  #checked = "";

  /** @param {PadPage} page */
  constructor(page) {
    this.page = page;
    this.environment = page.session.environment;
  }

  /** Something has happened: wait until nothing has for a while. */
  stir() {
    this.#movedAt = this.environment.now();
    if (this.#timer !== undefined) return;
    this.#since = this.#movedAt;
    this.#timer = this.#later(IDLE_MS);
  }

  /** @param {number} ms */
  #later(ms) {
    return this.environment.setTimer(() => this.#look(), ms);
  }

  #look() {
    const rest = Math.min(this.#movedAt + IDLE_MS, this.#since + BUSY_MS);
    const left = rest - this.environment.now();
    this.#timer = left > 0 ? this.#later(left) : undefined;
    if (left > 0) return;
    const { phase, checksums } = this.page.state;
    // A change of these stirs it again.
    if (phase !== "online" || !checksums || this.#checked === this.#now) return;
    if (this.#atRest) this.#work(this.page.editor.doc, this.#now, 0, EMPTY);
    else this.stir();
  }

  /** Whether what is on screen is the text at the revision, and nothing else. */
  get #atRest() {
    const { editor, state } = this.page;
    return (
      state.phase === "online" &&
      state.unsent === 0 &&
      !editor.view.compositionStarted &&
      editor.held.op === null
    );
  }

  get #now() {
    return `${this.page.state.me} ${this.page.state.revision}`;
  }

  /**
   * One slice, and the next one in a moment.
   * @param {Text} doc @param {string} began  what `#now` was @param {number} from @param {Sum} sum
   */
  #work(doc, began, from, sum) {
    if (!this.#atRest || doc !== this.page.editor.doc || began !== this.#now) return this.stir();
    let to = Math.min(from + SLICE_UNITS, doc.length);
    // Not between the halves of a pair.
    if (to < doc.length && (doc.sliceString(to - 1, to).charCodeAt(0) & 0xfc00) === 0xd800) to -= 1;
    sum = add(sum, doc.sliceString(from, to));
    if (to < doc.length) {
      this.environment.setTimer(() => this.#work(doc, began, to, sum), 0);
      return;
    }
    if (this.page.session.sendChecksum(sum)) this.#checked = began;
  }
}
