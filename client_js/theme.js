/**
 * Applies the chosen theme before the first paint; without a choice the system's holds.
 *
 * A tiny classic script of its own: a module would run after the first paint, and the page would
 * flash.
 */
try {
  const chosen = localStorage.getItem("deltapad.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is closed to this page: the system's theme is fine.
}
