/**
 * what a page sees of a session, and how it looks before anything is known
 */

/**
 * @typedef {object} SessionState
 * @property {import("./connection.js").Phase | "refused" | import("./conversation.js").End} phase
 * @property {number} revision
 * @property {number} unsent  edits that the server has not acknowledged, with those of closed tabs that are
 *   sent beside
 * @property {number} unsentSince  when the first of those of this tab was typed, as `now` of the environment
 * @property {number} unwritten  of these, edits that closing the tab would lose
 * @property {number | null} roundTripMs
 * @property {number | null} nextTryAt
 * @property {import("./messages.js").StorageState} storage  of the server
 * @property {boolean} storedLocally
 * @property {string} title
 * @property {string} language  "" before it is known
 * @property {boolean} viewHistory  whether view-only visitors may see the history
 * @property {string | null} viewKey  of the view-only link, with role "write"; null before it is known
 * @property {import("./messages.js").Role} role
 * @property {string} me  own public session id
 * @property {import("./presence.js").PersonHere[]} people
 * @property {string | null} draft  text that could not be merged
 * @property {number} draftEdits  that are in it alone; 0 if refused, or not known
 * @property {boolean} diverged  why there is a draft: what was on screen was not the server's text; all that
 *   was typed is saved then, but for `draftEdits`
 * @property {boolean} checksums  whether the server compares them
 * @property {import("./messages.js").Limits | null} limits  of the server; null before it is known
 * @property {number} sentAfterReconnect
 * @property {number} desyncs
 */

/** @param {import("./messages.js").Role} role @returns {SessionState} */
export function stateAtFirst(role) {
  return {
    phase: "connecting",
    revision: 0,
    unsent: 0,
    unsentSince: 0,
    unwritten: 0,
    roundTripMs: null,
    nextTryAt: null,
    storage: "ok",
    storedLocally: false,
    title: "",
    language: "",
    viewHistory: true,
    viewKey: null,
    role,
    me: "",
    people: [],
    draft: null,
    draftEdits: 0,
    diverged: false,
    checksums: false,
    limits: null,
    sentAfterReconnect: 0,
    desyncs: 0,
  };
}

/**
 * Whether a server of this protocol compares checksums: an older one takes them for a mistake.
 * @param {string} protocol  such as "1.2"
 */
export function comparesChecksums(protocol) {
  return Number(protocol.split(".")[1]) >= 2;
}

/**
 * What a message says of the pad.
 * @param {import("./messages.js").WelcomeMessage | import("./messages.js").PropertiesMessage} message
 */
export function propertiesOf({ title, language, view_history: viewHistory, view_key: viewKey }) {
  return { title, language, viewHistory, viewKey: viewKey ?? null };
}
