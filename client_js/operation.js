/**
 * The operation algebra: validate, apply, compose, transform, invert, positions. Pure.
 *
 * The same as `ot/operation.py`, component for component; the laws are stated there, and the two
 * are held against each other on shared vectors and random cases. An operation is plain data over
 * the code points of a text: a positive integer retains, a negative one deletes, a string inserts.
 *
 * JavaScript's strings count UTF-16 units. Lengths here are code points all the same; a string
 * without surrogates, where both are one, takes a fast path.
 */

/** @typedef {number | string} Component */
/** @typedef {Component[]} Operation */
/** @typedef {"bad_operation" | "lone_surrogate" | "op_past_end"} OperationErrorCode */

const SURROGATE = /[\ud800-\udfff]/;

/** The operation is wrong in itself, or does not fit the text; `code` is the protocol's. */
export class OperationError extends Error {
  /** @param {OperationErrorCode} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "OperationError";
    this.code = code;
  }
}

/**
 * `value` as an operation, if it keeps all rules of form. Throws OperationError `bad_operation` or
 * `lone_surrogate`, naming the component.
 * @param {unknown} value @returns {Operation}
 */
export function validate(value) {
  if (!Array.isArray(value)) {
    throw new OperationError("bad_operation", "an operation is an array of components");
  }
  let previous = "";
  for (const [index, component] of value.entries()) {
    const kind = kindOf(component, index);
    if (kind === previous) {
      const where = `components ${index - 1} and ${index}`;
      throw new OperationError("bad_operation", `${where} both ${kind}`);
    }
    previous = kind;
  }
  if (previous === "retain") {
    throw new OperationError("bad_operation", "the last component retains, which says nothing");
  }
  return value;
}

/** @param {unknown} component @param {number} index */
function kindOf(component, index) {
  if (typeof component === "number" && Number.isSafeInteger(component)) {
    if (component === 0) throw new OperationError("bad_operation", `component ${index} is 0`);
    return component > 0 ? "retain" : "delete";
  }
  if (typeof component !== "string") {
    const reason = `component ${index} is neither an integer nor a string`;
    throw new OperationError("bad_operation", reason);
  }
  if (component === "") {
    throw new OperationError("bad_operation", `component ${index} inserts nothing`);
  }
  if (!component.isWellFormed()) {
    const reason = `component ${index} holds half of a surrogate pair`;
    throw new OperationError("lone_surrogate", reason);
  }
  return "insert";
}

/** The length of a string in code points. @param {string} string */
export function codePoints(string) {
  if (!SURROGATE.test(string)) return string.length;
  let count = 0;
  for (let offset = 0; offset < string.length; count++) offset += unitsAt(string, offset);
  return count;
}

/**
 * The offset `count` code points behind `offset`; past the end, it counts as if the string went on.
 * @param {string} string @param {number} offset @param {number} count
 */
export function advance(string, offset, count) {
  for (; count > 0 && offset < string.length; count--) offset += unitsAt(string, offset);
  return offset + count;
}

/** How many units the code point there takes. @param {string} string @param {number} offset */
function unitsAt(string, offset) {
  return /** @type {number} */ (string.codePointAt(offset)) > 0xffff ? 2 : 1;
}

/**
 * The text after `op`. Throws OperationError `op_past_end` if `op` reaches past the end.
 * @param {string} text @param {Operation} op
 */
export function apply(text, op) {
  const parts = [];
  const walk = new TextWalk(text);
  for (const component of op) {
    if (typeof component === "string") parts.push(component);
    else if (component > 0) parts.push(walk.take(component));
    else walk.take(-component);
  }
  parts.push(walk.rest());
  return parts.join("");
}

/**
 * The operation that takes `op` back; `text` is what `op` was made on. Throws OperationError
 * `op_past_end` if it does not fit.
 * @param {Operation} op @param {string} text @returns {Operation}
 */
export function invert(op, text) {
  const walk = new TextWalk(text);
  const inverse = op.map((component) => {
    if (typeof component === "string") return -codePoints(component);
    const passed = walk.take(Math.abs(component));
    return component > 0 ? component : passed;
  });
  walk.rest();
  return inverse;
}

/** A text, read from the left in code points. */
class TextWalk {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.plain = !SURROGATE.test(text);
    this.offset = 0;
    this.position = 0;
  }

  /** @param {number} count */
  take(count) {
    const start = this.offset;
    this.offset = this.plain ? start + count : advance(this.text, start, count);
    this.position += count;
    return this.text.slice(start, this.offset);
  }

  /** All that is left, which there must be. */
  rest() {
    if (this.offset > this.text.length) {
      const length = codePoints(this.text);
      const covered = `the operation covers ${this.position} code points`;
      throw new OperationError("op_past_end", `${covered} of a text that has ${length}`);
    }
    return this.text.slice(this.offset);
  }
}

/** An operation, read from the left in pieces. `kind` is null once it is finished. */
class OperationWalk {
  /** @type {"insert" | "retain" | "delete" | null} */
  kind = null;
  /** What is left of the component, in code points. */
  size = 0;
  text = "";
  offset = 0;
  index = -1;

  /** @param {Operation} op */
  constructor(op) {
    this.op = op;
    this.next();
  }

  next() {
    this.index += 1;
    const component = this.op[this.index];
    if (component === undefined) {
      this.kind = null;
    } else if (typeof component === "string") {
      this.kind = "insert";
      this.size = codePoints(component);
      this.text = component;
      this.offset = 0;
    } else {
      this.kind = component > 0 ? "retain" : "delete";
      this.size = Math.abs(component);
    }
  }

  /** Goes past `count` code points of the component. @param {number} count @returns {Component} */
  take(count) {
    /** @type {Component} */
    let taken = this.kind === "delete" ? -count : count;
    if (this.kind === "insert") {
      const start = this.offset;
      const plain = this.text.length - start === this.size;
      this.offset = plain ? start + count : advance(this.text, start, count);
      taken = this.text.slice(start, this.offset);
    }
    if (count === this.size) this.next();
    else this.size -= count;
    return taken;
  }

  /** Puts all that is left at the end of `out`. @param {Operation} out */
  drainTo(out) {
    while (this.kind !== null) add(out, this.take(this.size));
  }
}

/**
 * Appends `component`, joined to a last neighbour of its kind.
 * @param {Operation} out @param {Component} component
 */
export function add(out, component) {
  const last = out.at(-1);
  if (typeof component === "string") {
    if (typeof last === "string") out[out.length - 1] = last + component;
    else out.push(component);
  } else if (typeof last === "number" && last > 0 === component > 0) {
    out[out.length - 1] = last + component;
  } else {
    out.push(component);
  }
}

/** Drops a trailing retain. @param {Operation} out */
function trim(out) {
  const last = out.at(-1);
  if (typeof last === "number" && last > 0) out.pop();
  return out;
}

/**
 * The one operation that does `a` and then `b`.
 *
 * Where `b` inserts at a place at which `a` deletes, `b`'s insert comes first: text that goes to
 * where text has collapsed goes to the far left of the collapse, as it does in `transform`. The
 * catch-up law rests on this.
 * @param {Operation} a @param {Operation} b @returns {Operation}
 */
export function compose(a, b) {
  if (a.length === 0) return [...b];
  if (b.length === 0) return [...a];
  /** @type {Operation} */
  const out = [];
  const first = new OperationWalk(a);
  const second = new OperationWalk(b);
  while (second.kind !== null) {
    if (second.kind === "insert" || first.kind === null) {
      add(out, second.take(second.size));
    } else if (first.kind === "delete") {
      add(out, first.take(first.size));
    } else {
      const count = Math.min(first.size, second.size);
      const inserted = first.kind === "insert";
      const kept = first.take(count);
      const wanted = second.take(count);
      if (wanted === count) add(out, kept);
      else if (!inserted) add(out, wanted);
    }
  }
  first.drainTo(out);
  return trim(out);
}

/**
 * The one operation that does all `ops` in order, composed as a balanced tree: composing is
 * associative, and a tree costs O(size x log count) where a chain costs O(size x count).
 * @param {Operation[]} ops @returns {Operation}
 */
export function composeAll(ops) {
  let level = ops;
  while (level.length > 1) {
    const paired = [];
    for (let index = 0; index + 1 < level.length; index += 2) {
      paired.push(compose(level[index], level[index + 1]));
    }
    if (level.length % 2 === 1) paired.push(level[level.length - 1]);
    level = paired;
  }
  return [...(level[0] ?? [])];
}

/**
 * `[logOp', op']`, so that `logOp` then `op'` equals `op` then `logOp'`. Both were made on the same
 * text; the log's came first. At a tie the log's insert goes left.
 * @param {Operation} logOp @param {Operation} op @returns {[Operation, Operation]}
 */
export function transform(logOp, op) {
  /** @type {Operation} */
  const logOut = [];
  /** @type {Operation} */
  const opOut = [];
  const log = new OperationWalk(logOp);
  const own = new OperationWalk(op);
  for (;;) {
    if (log.kind === "insert") {
      add(opOut, log.size);
      add(logOut, log.take(log.size));
    } else if (own.kind === "insert") {
      add(logOut, own.size);
      add(opOut, own.take(own.size));
    } else if (log.kind === null || own.kind === null) {
      // A finished operation retains for ever: the rest of the other stands as it is.
      log.drainTo(logOut);
      own.drainTo(opOut);
      return [trim(logOut), trim(opOut)];
    } else {
      const count = Math.min(log.size, own.size);
      const fromLog = log.take(count);
      const fromOwn = own.take(count);
      // What the other one deletes is not mentioned any more.
      if (fromOwn === count) add(logOut, fromLog);
      if (fromLog === count) add(opOut, fromOwn);
    }
  }
}

/**
 * Where `position` (code points) is after `op`. An insert exactly there leaves it on the left, or
 * with "right" moves it behind. A position inside deleted text falls to where that text was.
 * @param {number} position @param {Operation} op @param {"left" | "right"} [sticky]
 */
export function transformPosition(position, op, sticky = "left") {
  let moved = position;
  let seen = 0;
  for (const component of op) {
    if (typeof component === "string") {
      if (seen < position || sticky === "right") moved += codePoints(component);
    } else if (component > 0) {
      seen += component;
    } else {
      moved -= Math.min(-component, position - seen);
      seen -= component;
    }
    if (seen > position || (seen === position && sticky === "left")) break;
  }
  return moved;
}

/**
 * The position, in the new text, right after the last insert or delete of `op`, which is where the
 * caret of its author is; null for `[]`.
 * @param {Operation} op @returns {number | null}
 */
export function caretAfter(op) {
  let position = 0;
  let caret = null;
  for (const component of op) {
    position += resultLength(component);
    if (typeof component === "string" || component < 0) caret = position;
  }
  return caret;
}

/**
 * Cuts `op` in two, `compose(first, rest)` being `op`, so that `first` keeps to both limits: at
 * most `maxInserted` code points (at least 1) and `maxComponents` components (at least 3). `rest`
 * is null if `op` fits.
 * @param {Operation} op @param {number} maxInserted @param {number} maxComponents
 * @returns {[Operation, Operation | null]}
 */
export function split(op, maxInserted, maxComponents) {
  let room = maxInserted;
  let index = 0;
  /** @type {Operation} */
  const first = [];
  /** What is left of an insert that was cut. */
  let remainder = "";
  while (index < op.length && remainder === "") {
    // A delete and the insert behind it are not parted: `rest` would put the insert first.
    const width = startsReplacement(op, index) ? 2 : 1;
    const text = op[index + width - 1];
    if (first.length + width > maxComponents) break;
    if (typeof text === "string") {
      if (room === 0) break;
      const end = advance(text, 0, room);
      const head = text.slice(0, end);
      remainder = text.slice(end);
      room -= codePoints(head);
      first.push(...op.slice(index, index + width - 1), head);
    } else {
      first.push(text);
    }
    index += width;
  }
  /** @type {Operation} */
  const rest = [];
  let reach = 0;
  for (const component of first) reach += resultLength(component);
  if (reach > 0) rest.push(reach);
  if (remainder) rest.push(remainder);
  for (const component of op.slice(index)) add(rest, component);
  trim(rest);
  return [trim(first), rest.length > 0 ? rest : null];
}

/** @param {Operation} op @param {number} index */
function startsReplacement(op, index) {
  const component = op[index];
  return typeof component === "number" && component < 0 && typeof op[index + 1] === "string";
}

/** How much of the new text it stands for. @param {Component} component @returns {number} */
function resultLength(component) {
  return typeof component === "string" ? codePoints(component) : Math.max(0, component);
}
