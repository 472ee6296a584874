/**
 * The icons that scripts make, as SVG elements; `templates/icons.html` holds those of the pages.
 */

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  check: "M3.2 8.6 6.4 11.8 12.8 4.6",
  close: "M4 4l8 8M12 4l-8 8",
  cloudOff:
    "M2.2 2.5 13.8 13.5M5.6 5.8A3.6 3.6 0 0 0 4.5 12.5h7.3" +
    "M7 4.4a3.7 3.7 0 0 1 4.9 3 2.6 2.6 0 0 1 2 3.7",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z",
  spinner: "M8 2.5a5.5 5.5 0 1 0 5.5 5.5",
  sun:
    "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.3v1.4M8 13.3v1.4M1.3 8h1.4M13.3 8h1.4" +
    "M3.3 3.3l1 1M11.7 11.7l1 1M3.3 12.7l1-1M11.7 4.3l1-1",
  warning: "M8 2.6 14.2 13H1.8zM8 6.6v3M8 11.3h.01",
};

/** @param {keyof typeof PATHS} name @param {string} [extraClass] */
export function icon(name, extraClass = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${extraClass}`.trim());
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
