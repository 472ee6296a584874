/**
 * Applies the chosen theme before the first paint; without a choice the system's holds.
 *
 * A tiny classic script of its own: a module would run after the first paint, and the page would
 * flash.
 */
import { showTheme } from "./appearance.js";

showTheme();
