/**
 * The wire protocol as types; there is nothing to run here. Fields and types that are not listed
 * are to be ignored. The words are in docs/reference/protocol.md.
 *
 * @typedef {import("./operation.js").Operation} Operation
 * @typedef {[anchor: number, head: number]} Selection  code points
 * @typedef {"write" | "read"} Role
 * @typedef {"ok" | "full" | "read_only" | "failing"} StorageState
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
 * @property {string} [following]  public session id
 * @property {number} [history]  a past revision that is looked at
 *
 * @typedef {object} SetPropertiesMessage  at least one of them
 * @property {"properties"} type
 * @property {string} [title]
 * @property {string} [language]
 * @property {boolean} [view_history]
 * @property {boolean} [new_view_link]
 *
 * @typedef {object} PingMessage
 * @property {"ping"} type
 * @property {number} n
 *
 * @typedef {object} ChecksumMessage  of the text on screen, with nothing pending
 * @property {"checksum"} type
 * @property {number} revision
 * @property {number} length  code points
 * @property {number} crc32  of the UTF-8
 *
 * @typedef {object} TraceMessage  how a text came about that has diverged
 * @property {"trace"} type
 * @property {number} revision
 * @property {string | null} text  null if it is too long
 * @property {object | null} start  a client's state, as in ot/steps.py
 * @property {object[]} steps
 *
 * @typedef {HelloMessage | OpMessage | PresenceMessage | SetPropertiesMessage |
 *   PingMessage | ChecksumMessage | TraceMessage} ClientMessage
 *
 * @typedef {object} Limits
 * @property {number} frame_bytes
 * @property {number} op_components
 * @property {number} op_inserted
 * @property {number} pad_length
 *
 * @typedef {object} WelcomeMessage
 * @property {"welcome"} type
 * @property {string} protocol  such as "1.2"
 * @property {string} session  public id
 * @property {string} person  public id
 * @property {Role} role
 * @property {string} epoch
 * @property {number} revision
 * @property {[seq: number, revision: number]} committed
 * @property {number} color
 * @property {string} title
 * @property {string} language
 * @property {boolean} view_history
 * @property {string} [view_key]  of the view-only link, with role "write"
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
 * @property {Role} [role]  "write" if it is left out
 * @property {string | null} [following]
 * @property {number | null} [history]
 *
 * @typedef {object} PeopleMessage
 * @property {"presence"} type
 * @property {number} revision
 * @property {Person[]} people
 * @property {string[]} [left]
 * @property {boolean} [everybody]
 *
 * @typedef {object} PropertiesMessage  all of them, as they are now
 * @property {"properties"} type
 * @property {string} title
 * @property {string} language
 * @property {boolean} view_history
 * @property {string} [view_key]  of the view-only link, with role "write"
 *
 * @typedef {object} StorageMessage  whether the server's disk takes what is typed
 * @property {"storage"} type
 * @property {StorageState} state
 *
 * @typedef {object} DivergedMessage  the checksum is not that of the log
 * @property {"diverged"} type
 * @property {number} revision
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
 * @typedef {WelcomeMessage | OpsMessage | DeltaMessage | PeopleMessage | PropertiesMessage |
 *   StorageMessage | DivergedMessage | ErrorMessage | PongMessage} ServerMessage
 */

export {};
