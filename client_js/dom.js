/**
 * Making and finding elements without a framework, and without markup from strings.
 */

/**
 * @param {string} tag
 * @param {string} [className]
 * @param {...(string | Node)} children  strings become text, never markup
 */
export function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/**
 * The element of the page with this id; that it is missing is a fault of the template.
 * @template {HTMLElement} T
 * @param {string} id @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}

/**
 * Writes only what differs: a live region must not be told the same twice.
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
