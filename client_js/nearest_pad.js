/**
 * Which pad somebody has most likely meant who came by an address that leads to none.
 */

/** @typedef {import("./recent.js").RecentPad} RecentPad */

/**
 * The pad whose id was most likely meant, if one is near enough.
 * @param {string} id @param {RecentPad[]} pads @returns {RecentPad | null}
 */
export function nearestPad(id, pads) {
  let best = null;
  let bestDistance = Math.min(3, Math.floor(id.length / 3)) + 1;
  for (const pad of pads) {
    if (pad.id === id) continue;
    const distance = Math.min(editDistance(id, pad.id), editDistance(id, withoutSuffix(pad.id)));
    if (distance < bestDistance) [best, bestDistance] = [pad, distance];
  }
  return best;
}

/** Named pads end in a random suffix, which people leave out. @param {string} id */
function withoutSuffix(id) {
  return id.replace(/-[A-Za-z0-9_-]{8}$/, "");
}

/** Levenshtein. @param {string} a @param {string} b */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
