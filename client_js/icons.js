/**
 * The icons that scripts make, as SVG elements, from the paths that the templates use as well.
 */
import paths from "../templates/icons.json" with { type: "json" };

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {keyof typeof paths} IconName */

/** @param {IconName} name @param {string} [extraClass] */
export function icon(name, extraClass = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon icon-${name} ${extraClass}`.trim());
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}
