/**
 * The wire protocol as types; there is nothing to run here. Fields and types that are not listed
 * are to be ignored. The words are in docs/reference/protocol.md.
 *
 * @typedef {import("./operation.js").Operation} Operation
 * @typedef {[anchor: number, head: number]} Selection  code points
 *
 * @typedef {object} HelloMessage
 * @property {"hello"} type
 * @property {string} session  key
 * @property {string} person  key
 * @property {string} name
 * @property {number} color
 * @property {string | null} epoch
 * @property {number | null} revision
 *
 * @typedef {object} OpMessage
 * @property {"op"} type
 * @property {number} base
 * @property {number} seq
 * @property {Operation} op
 *
 * @typedef {object} PresenceMessage
 * @property {"presence"} type
 * @property {number} revision
 * @property {string} name
 * @property {number} color
 * @property {Selection[]} selections
 *
 * @typedef {object} PingMessage
 * @property {"ping"} type
 * @property {number} n
 *
 * @typedef {HelloMessage | OpMessage | PresenceMessage | PingMessage} ClientMessage
 *
 * @typedef {object} Limits
 * @property {number} frame_bytes
 * @property {number} op_components
 * @property {number} op_inserted
 * @property {number} pad_length
 *
 * @typedef {object} WelcomeMessage
 * @property {"welcome"} type
 * @property {string} session  public id
 * @property {string} person  public id
 * @property {string} role
 * @property {string} epoch
 * @property {number} revision
 * @property {[seq: number, revision: number]} committed
 * @property {number} color
 * @property {string} title
 * @property {Limits} limits
 * @property {string} [text]
 *
 * @typedef {object} OpsMessage
 * @property {"ops"} type
 * @property {number} from
 * @property {[session: string, seq: number, op: Operation][]} ops
 *
 * @typedef {object} DeltaMessage
 * @property {"delta"} type
 * @property {number} from
 * @property {number} to
 * @property {Operation} op
 *
 * @typedef {object} Person
 * @property {string} session
 * @property {string} person
 * @property {string} name
 * @property {number} color
 * @property {Selection[]} selections
 *
 * @typedef {object} PeopleMessage
 * @property {"presence"} type
 * @property {number} revision
 * @property {Person[]} people
 * @property {string[]} [left]
 * @property {boolean} [everybody]
 *
 * @typedef {object} ErrorMessage
 * @property {"error"} type
 * @property {string} code
 * @property {string} message
 * @property {"draft" | "resession" | "reconnect" | "stop"} action
 * @property {number | null} [seq]
 *
 * @typedef {object} PongMessage
 * @property {"pong"} type
 * @property {number} n
 *
 * @typedef {WelcomeMessage | OpsMessage | DeltaMessage | PeopleMessage | ErrorMessage |
 *   PongMessage} ServerMessage
 */

export {};
