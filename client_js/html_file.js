/**
 * A text as one HTML file that needs nothing else: for a mail, an archive, a printer.
 */
import { element } from "./dom.js";
import { renderWhole } from "./render_markdown.js";
import { language } from "./strings.js";

/** Nothing is loaded and nothing runs, whatever a later program does with the file. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src https: http:";

const STYLE = `
:root { color-scheme: light dark; }
body { max-width: 42rem; margin: 3rem auto; padding: 0 1.25rem;
  font: 1.0625rem/1.65 system-ui, sans-serif; overflow-wrap: break-word; }
h1, h2, h3, h4, h5, h6 { margin: 1.6em 0 0.5em; line-height: 1.25; break-after: avoid; }
h1 { margin-top: 0; }
a { color: light-dark(#2B57DB, #8AA9FF); }
code, pre { font: 0.875em/1.6 ui-monospace, monospace; }
code { padding: 0.15em 0.35em; border-radius: 4px; background: light-dark(#EFEFEB, #26272C); }
pre { padding: 0.9em 1.1em; border-radius: 8px; background: light-dark(#EFEFEB, #26272C);
  white-space: pre-wrap; }
pre code { padding: 0; background: none; font-size: 1em; }
pre.text { padding: 0; background: none; }
blockquote { margin: 1em 0; padding-left: 1.2em; border-left: 2px solid light-dark(#D3D3CC, #3A3C44); }
img { max-width: 100%; }
hr { border: 0; border-top: 1px solid light-dark(#D3D3CC, #3A3C44); }
table { border-collapse: collapse; }
th, td { padding: 0.35em 0.8em; border: 1px solid light-dark(#D3D3CC, #3A3C44); text-align: start; }
.left { text-align: left; } .center { text-align: center; } .right { text-align: right; }
.task { list-style: none; }
.task input { margin: 0 0.5em 0 -1.4em; }
pre, blockquote, tr, img { break-inside: avoid; }
@media print { :root { color-scheme: light; } body { max-width: none; margin: 0; padding: 0; } }
`;

/**
 * @param {object} text
 * @param {string} text.title
 * @param {string} text.text
 * @param {boolean} text.markdown  rather than plain text or code
 */
export function htmlFile({ title, text, markdown }) {
  // A document of its own, which writes every character as HTML wants it.
  const file = document.implementation.createHTMLDocument(title);
  file.documentElement.lang = language;
  file.head.prepend(
    meta({ charset: "utf-8" }),
    meta({ "http-equiv": "Content-Security-Policy", content: POLICY }),
    meta({ name: "viewport", content: "width=device-width, initial-scale=1" }),
  );
  const main = element("main");
  if (markdown) main.append(...renderWhole(text).childNodes);
  else main.append(element("pre", "text", text));
  file.body.append(main);
  const html = file.documentElement.outerHTML;
  // As text: the policy of this page would not have a style element, even in another document.
  return `<!doctype html>\n${html.replace("</head>", `<style>${STYLE}</style></head>`)}\n`;
}

/** @param {Record<string, string>} attributes */
function meta(attributes) {
  const made = element("meta");
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
