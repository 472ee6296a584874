/**
 * Asks the browser to run the service worker (service_worker.js), where it has any and the
 * connection is secure.
 */

const ADDRESS = "/service_worker.js";

/** Without it the page works as well, but opens only with a connection. */
export async function keepPages() {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register(trusted(ADDRESS));
  } catch {
    // A browser that forbids it, or no connection just now: at another visit.
  }
}

/** The policy of the pages asks for it. @param {string} address @returns {string} */
function trusted(address) {
  const { trustedTypes } = /** @type {any} */ (globalThis);
  if (trustedTypes === undefined) return address;
  return trustedTypes
    .createPolicy("deltapad-service-worker", { createScriptURL: () => ADDRESS })
    .createScriptURL(address);
}
