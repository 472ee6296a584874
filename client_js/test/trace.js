/**
 * Runs the steps of a trace on a client, in the words of `tests/vectors/client.json`.
 */
import { Client, Desync } from "../client.js";

/** Whose client a trace shows. */
const ME = "me";
const LIMITS = { op_inserted: 65_536, op_components: 10_000 };

/** The whole state of a client. @param {Client} client */
export function clientState(client) {
  const { revision, lastSeq, inFlight, buffer } = client.state();
  return { revision, last_seq: lastSeq, in_flight: inFlight, buffer };
}

/** The client that `clientState` described. @param {any} state */
export function restoreClient({ revision, last_seq: lastSeq, in_flight: inFlight, buffer }) {
  return Client.restore({ revision, lastSeq, inFlight, buffer });
}

/** Does one step, and returns what the client gives. @param {Client} client @param {any} step */
export function runStep(client, step) {
  switch (step.do) {
    case "edit":
      client.edit(step.op);
      return null;
    case "restart":
      client.restart();
      return null;
    case "send":
      return withoutType(client.send(step.limits ?? LIMITS));
    case "resend":
      return withoutType(client.resend());
    case "to_local":
      return [client.toLocal(step.position), client.toLocal(step.position, "right")];
    case "receive":
      return receive(client, step.message);
    default:
      throw new Error(`no step is called ${step.do}`);
  }
}

/** @param {import("../messages.js").OpMessage | null} message */
function withoutType(message) {
  return message && { base: message.base, seq: message.seq, op: message.op };
}

/** @param {Client} client @param {any} message */
function receive(client, message) {
  try {
    return client.receive(message, ME);
  } catch (error) {
    if (error instanceof Desync) return "desync";
    throw error;
  }
}
