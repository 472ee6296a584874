/**
 * The rail beside the scroll bar: a tick for each person, where in the text they are.
 *
 * For the eye alone, as the list of people says the same in words; a click scrolls there.
 */
import { presentCarets } from "./carets.js";
import { element } from "./dom.js";

/** Of a tick, in pixels, as in the style sheet. */
const TICK_HEIGHT = 4;

/** @param {import("./page.js").PadPage} page */
export function setUpRail(page) {
  const { view } = page.editor;
  const rail = element("div", "rail");
  rail.setAttribute("aria-hidden", "true");
  view.dom.append(rail);
  /** By session. @type {Map<string, HTMLElement>} */
  const ticks = new Map();
  const measure = {
    key: rail,
    read: () => placeTicks(view),
    /** @param {ReturnType<typeof placeTicks>} placed */
    write: ({ places, right }) => {
      rail.style.right = `${right}px`;
      for (const [session, tick] of ticks) {
        if (places.has(session)) continue;
        tick.remove();
        ticks.delete(session);
      }
      for (const [session, { color, top }] of places) {
        const tick = ticks.get(session) ?? rail.appendChild(element("span"));
        ticks.set(session, tick);
        tick.className = `tick person-${color}`;
        tick.dataset.session = session;
        tick.style.transform = `translateY(${top}px)`;
      }
    },
  };
  page.on("update", () => view.requestMeasure(measure));
  rail.addEventListener("click", ({ target }) => {
    const session = target instanceof HTMLElement ? target.dataset.session : undefined;
    if (session !== undefined) page.people.follow.lookAt(session);
  });
}

/** @param {import("@codemirror/view").EditorView} view */
function placeTicks(view) {
  const { scrollDOM, documentPadding } = view;
  const scale = scrollDOM.clientHeight / Math.max(1, scrollDOM.scrollHeight);
  const places = new Map(
    presentCarets(view).map(({ session, color, selections }) => {
      const block = view.lineBlockAt(selections[0][1]);
      const middle = (block.top + block.bottom) / 2 + documentPadding.top;
      return [session, { color, top: Math.round(middle * scale - TICK_HEIGHT / 2) }];
    }),
  );
  return { places, right: scrollDOM.offsetWidth - scrollDOM.clientWidth };
}
