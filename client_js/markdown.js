/**
 * How Markdown looks while it is written: colours of the marks, hanging headings and list items.
 *
 * The parser is set up here: the ready-made one would bring HTML, CSS and JavaScript along.
 */
import {
  deleteMarkupBackward,
  insertNewlineContinueMarkup,
  markdownLanguage,
} from "@codemirror/lang-markdown";
import {
  foldService,
  Language,
  languageDataProp,
  syntaxHighlighting,
  syntaxTree,
} from "@codemirror/language";
import { RangeSetBuilder } from "@codemirror/state";
import { Decoration, EditorView, keymap, ViewPlugin } from "@codemirror/view";
import { styleTags, Tag, tagHighlighter, tags } from "@lezer/highlight";
import { GFM, parser } from "@lezer/markdown";
import { formattingKeys } from "./formatting.js";

/** Longer lines have no marks, in UTF-16 units: so many are parsed in some 10 ms. */
const PARSED_LINE_MAX = 50_000;

/** @param {{ text: string }} line */
const isLong = (line) => line.text.length > PARSED_LINE_MAX;

/** Marks that keep a distance to their text, which the others do not. */
const hash = Tag.define(tags.processingInstruction);
const angle = Tag.define(tags.processingInstruction);

const language = new Language(
  markdownLanguage.data,
  // Indented code would turn every line that somebody indents into code.
  parser.configure([
    GFM,
    {
      remove: ["HTMLBlock", "IndentedCode"],
      // A line is parsed as a whole, anew with every key: a very long one stays as it is written.
      parseBlock: [
        {
          name: "LongLine",
          before: "LinkReference",
          parse: (context, line) => isLong(line) && (context.nextLine(), true),
          endLeaf: (_context, line) => isLong(line),
        },
      ],
      props: [
        styleTags({ HeaderMark: hash, QuoteMark: angle }),
        // The commands for Enter and Backspace look for this to know that the text is Markdown.
        languageDataProp.add({ Document: markdownLanguage.data }),
      ],
    },
  ]),
  [],
  "markdown",
);

// Classes and not styles: the style sheet has them for both themes.
const highlighter = tagHighlighter([
  { tag: tags.processingInstruction, class: "md-mark" },
  { tag: hash, class: "md-mark md-hash" },
  { tag: angle, class: "md-mark md-angle" },
  { tag: tags.strong, class: "md-strong" },
  { tag: tags.emphasis, class: "md-emphasis" },
  { tag: tags.strikethrough, class: "md-strike" },
  { tag: tags.monospace, class: "md-code" },
  { tag: tags.link, class: "md-link" },
  { tag: tags.url, class: "md-link" },
]);

/** @returns {import("@codemirror/state").Extension} */
export function markdown() {
  return [
    language,
    headingFolds,
    syntaxHighlighting(highlighter),
    linePlugin,
    hashPlugin,
    keys,
    formattingKeys,
  ];
}

// Enter goes on with a list or a quote, Backspace takes its mark away.
const keys = keymap.of([
  { key: "Enter", run: insertNewlineContinueMarkup },
  { key: "Backspace", run: deleteMarkupBackward },
]);

const HEADING = /^ATXHeading[1-6]$/;

/**
 * What stands below a heading folds, up to the next one: all headings stay in view.
 */
const headingFolds = foldService.of((state, from, to) => {
  const { doc } = state;
  if (!isHeading(state, from)) return null;
  let end = to;
  for (let number = doc.lineAt(to).number + 1; number <= doc.lines; number++) {
    const line = doc.line(number);
    if (line.text.startsWith("#") && isHeading(state, line.from)) break;
    // Empty lines before the next heading stay, and keep the distance.
    if (line.text.trim() !== "") end = line.to;
  }
  return end > to ? { from: to, to: end } : null;
});

/** @param {import("@codemirror/state").EditorState} state @param {number} position */
function isHeading(state, position) {
  return HEADING.test(syntaxTree(state).resolveInner(position, 1).parent?.name ?? "");
}

/** @type {Record<string, string>} */
const LINE_CLASSES = {
  ATXHeading1: "md-h1",
  ATXHeading2: "md-h2",
  ATXHeading3: "md-h3",
  ATXHeading4: "md-h3",
  ATXHeading5: "md-h3",
  ATXHeading6: "md-h3",
  Blockquote: "md-quote",
  FencedCode: "md-fence",
};

const ITEM = /^(\s*)([-+*]|\d{1,9}[.)])[ \t]+(?:\[([ xX])\][ \t])?/;

const bullet = Decoration.mark({ class: "md-bullet" });

const linePlugin = ViewPlugin.fromClass(
  class {
    /** @param {EditorView} view */
    constructor(view) {
      this.tree = syntaxTree(view.state);
      this.decorations = lineDecorations(view);
    }

    /** @param {import("@codemirror/view").ViewUpdate} update */
    update(update) {
      const tree = syntaxTree(update.state);
      if (!update.docChanged && !update.viewportChanged && tree === this.tree) return;
      this.tree = tree;
      this.decorations = lineDecorations(update.view);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

/** @param {EditorView} view */
function lineDecorations(view) {
  const builder = new RangeSetBuilder();
  const { doc } = view.state;
  for (const { from, to } of view.visibleRanges) {
    const classes = lineClasses(view, from, to);
    for (let position = from; position <= to;) {
      const line = doc.lineAt(position);
      const found = classes.get(line.from) ?? "";
      const item = /md-(fence|h)/.test(found) ? null : ITEM.exec(line.text);
      if (item) {
        const done = item[3] === "x" || item[3] === "X";
        const task = item[3] === undefined ? "" : done ? " md-task md-done" : " md-task";
        const attributes = {
          class: `${found} md-item${task}`.trim(),
          style: `--hang: ${item[0].length}`,
        };
        builder.add(line.from, line.from, Decoration.line({ attributes }));
        builder.add(line.from, line.from + item[0].length, bullet);
      } else if (found) {
        builder.add(line.from, line.from, Decoration.line({ class: found }));
      }
      position = line.to + 1;
    }
  }
  return /** @type {import("@codemirror/view").DecorationSet} */ (builder.finish());
}

/**
 * @param {EditorView} view
 * @param {number} from
 * @param {number} to
 * @returns {Map<number, string>} by start of line
 */
function lineClasses(view, from, to) {
  const { doc } = view.state;
  /** @type {Map<number, string>} */
  const classes = new Map();
  syntaxTree(view.state).iterate({
    from,
    to,
    enter(node) {
      const name = LINE_CLASSES[node.name];
      if (!name) return;
      let position = Math.max(node.from, from);
      while (position <= Math.min(node.to, to)) {
        const line = doc.lineAt(position);
        classes.set(line.from, `${classes.get(line.from) ?? ""} ${name}`.trim());
        position = line.to + 1;
      }
    },
  });
  return classes;
}

/** The fonts of the headings as in the style sheet: size, weight and tracking of the marks. */
const HEADING_SIZES = [28, 19, 17];

/**
 * Measures how far "# ", "## " and "### " reach, so that headings hang exactly that far into the
 * margin.
 */
const hashPlugin = ViewPlugin.fromClass(
  class {
    /** @param {EditorView} view */
    constructor(view) {
      this.view = view;
      this.measure = this.measure.bind(this);
      this.measure();
      document.fonts.ready.then(this.measure);
      document.fonts.addEventListener("loadingdone", this.measure);
    }

    measure() {
      const context = document.createElement("canvas").getContext("2d");
      if (!context) return;
      const family = getComputedStyle(this.view.scrollDOM).fontFamily;
      HEADING_SIZES.forEach((size, index) => {
        const marks = `${"#".repeat(index + 1)} `;
        context.font = `400 ${size}px ${family}`;
        const tracking = (size >= 24 ? -0.02 : -0.006) * size * marks.length;
        const width = context.measureText(marks).width + tracking + 0.22 * size;
        this.view.dom.style.setProperty(`--hash-${index + 1}`, `${width.toFixed(2)}px`);
      });
      this.view.requestMeasure();
    }

    destroy() {
      document.fonts.removeEventListener("loadingdone", this.measure);
    }
  },
);
