/**
 * What the server knows of pads without opening them, asked for a few at a time.
 */

/** So that a long list does not take the connections that the page needs for other things. */
const REQUESTS_MAX = 4;

/** Longer than any answer takes; then the row says that the pad cannot be reached. */
const ANSWER_MS_MAX = 8_000;

/**
 * @typedef {object} PadStatus
 * @property {string} title
 * @property {number} revision
 * @property {number} changed_ms
 * @property {{ name: string, color: number }[]} people  some of those who are there
 * @property {number} count  of all who are there
 *
 * @typedef {{ state: "known" | "gone" | "unreachable", status: PadStatus | null }} Answer
 */

/**
 * @param {string[]} ids @param {(id: string, answer: Answer) => void} answered
 * @param {(id: string) => Promise<Answer>} [ask]
 */
export async function askAll(ids, answered, ask = askOne) {
  const waiting = ids.values();
  const next = async () => {
    for (const id of waiting) answered(id, await ask(id));
  };
  await Promise.all(Array.from({ length: REQUESTS_MAX }, next));
}

/** @param {string} id @returns {Promise<Answer>} */
async function askOne(id) {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const response = await fetch(`/p/${id}/status`, { signal });
    // Only our server says it in JSON that a pad was deleted, or never was; a proxy's 404 says nothing.
    const json = response.headers.get("Content-Type")?.startsWith("application/json");
    if ((response.status === 404 || response.status === 410) && json) return { state: "gone", status: null };
    if (response.ok && json) return { state: "known", status: await response.json() };
  } catch {
    // No connection, or no answer in time.
  }
  return { state: "unreachable", status: null };
}
