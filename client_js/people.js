/**
 * Who is here: puts together the avatars in the bar, the list with everybody's place, one's own
 * name and colour, and what a screen reader is told.
 */
import { Announcer } from "./announcements.js";
import { Avatars } from "./avatars.js";
import { byId, setText } from "./dom.js";
import { IDLE_MS } from "./flags.js";
import { Follow } from "./follow.js";
import { OwnProfile } from "./own_profile.js";
import { PeopleList } from "./people_list.js";
import { PeopleOrder } from "./people_order.js";
import { PeoplePanel } from "./people_panel.js";
import { activityOf, placesOf, placeText } from "./places.js";
import { onPreference, prefer, preference } from "./preferences.js";
import { t } from "./strings.js";

/** People become idle by doing nothing, and the time since they were seen grows. */
const LOOK_AGAIN_MS = 10_000;

/** How often places in the open list follow the carets. */
const PLACES_MS = 500;

/** @typedef {import("./presence.js").PersonHere} PersonHere */

export class PeopleView {
  /**
   * @param {import("./page.js").PadPage} page
   * @param {{ name: string, color: number }} profile
   */
  constructor(page, profile) {
    this.page = page;
    this.frame = 0;
    /** When the connection was lost; null while there is one. @type {number | null} */
    this.lostAt = null;
    this.follow = new Follow(page, () => this.update());
    this.order = new PeopleOrder();
    this.panel = new PeoplePanel(() => this.show());
    this.own = new OwnProfile({
      profile,
      onChange: (changed) => {
        page.session.setProfile(changed);
        this.update();
      },
      onDone: () => this.panel.edit(false),
    });
    this.avatars = new Avatars({ placeOf: (session) => this.placeOf(session, this.places()) });
    this.list = new PeopleList({
      toggleFollow: (session) => this.follow.toggle(session),
      editProfile: () => this.panel.edit(true),
    });
    this.announcer = new Announcer({
      people: () => page.state.people,
      connected: () => page.state.phase === "online",
      say: sayOfPeople,
    });
    this.#listen();
    this.#addCommands();
  }

  /** People came, went, moved or changed: shown once in a frame. */
  update() {
    this.announcer.update();
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.show());
  }

  show() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { people, phase } = this.page.state;
    if (people.length === 0) return;
    this.lostAt = phase === "online" ? null : (this.lostAt ?? Date.now());
    const activeAt = activityOf(this.page.editor.view);
    const now = Date.now();
    const sorted = this.order.sort(people, { activeAt, frozen: this.panel.open, now });
    const followers = this.follow.followers();
    /** @param {PersonHere} person */
    const marks = (person) => ({
      idle: now - (activeAt.get(person.session) ?? now) >= IDLE_MS,
      followed: person.session === this.follow.leader,
      leads: this.follow.canLead(person),
      follows: followers.has(person.session),
    });
    const me = people.find((person) => person.me);
    if (me) this.own.showColor(me.color);
    this.avatars.show(sorted, marks, this.countWords(people.length));
    if (!this.panel.open) return;
    this.list.show(sorted, marks);
    this.showPlaces();
  }

  /** @param {{ name?: string, color?: number }} changed */
  changeProfile(changed) {
    this.own.change(changed);
  }

  /** @param {number} count */
  countWords(count) {
    if (this.lostAt === null || this.page.state.phase !== "offline")
      return t("people.count", { count });
    const minutes = Math.floor((Date.now() - this.lostAt) / 60_000);
    return minutes === 0 ? t("people.lastSeenNow") : t("people.lastSeen", { count: minutes });
  }

  places() {
    return placesOf(this.page.editor.view);
  }

  showPlaces() {
    const places = this.places();
    this.list.showPlaces((session) => this.placeOf(session, places));
  }

  /** @param {string} session @param {Map<string, import("./places.js").Place>} places */
  placeOf(session, places) {
    const person = this.page.state.people.find((candidate) => candidate.session === session);
    if (person === undefined) return "";
    const { editor } = this.page;
    if (person.me && person.role !== "read" && person.history === null)
      return t("people.line", { line: String(editor.caret().line) });
    return placeText(person, places.get(session));
  }

  /** Everybody's place in the list, and for a screen reader in words. */
  tellPlaces() {
    const places = this.places();
    const others = this.page.state.people.filter(({ me }) => !me);
    const words = others.map(({ name, session }) =>
      t("people.nameAt", { name, place: this.placeOf(session, places) }),
    );
    this.panel.show();
    sayOfPeople(words.join(" ") || t("people.alone"));
  }

  #listen() {
    addEventListener("resize", () => this.update());
    setInterval(() => this.update(), LOOK_AGAIN_MS);
    setInterval(() => {
      if (this.panel.open && !document.hidden) this.showPlaces();
    }, PLACES_MS);
    byId("people", HTMLElement).addEventListener("beforetoggle", (event) => {
      if (event.newState === "open") this.own.showName();
      else this.list.clearFilter();
    });
    const cursors = byId("cursors", HTMLInputElement);
    cursors.addEventListener("change", () => prefer("cursors", cursors.checked));
    const show = () => {
      cursors.checked = preference("cursors");
      document.body.classList.toggle("cursors-off", !cursors.checked);
    };
    onPreference("cursors", show);
    show();
  }

  #addCommands() {
    this.page.commands.add(
      {
        id: "people.where",
        title: t("people.where"),
        group: "people",
        icon: "people",
        run: () => this.tellPlaces(),
      },
      {
        id: "people.pin",
        title: t("people.pin"),
        group: "people",
        icon: "pin",
        available: () => this.panel.canPin,
        checked: () => this.panel.pinned,
        run: () => (this.panel.pinned ? prefer("peoplePinned", false) : this.panel.pin()),
      },
    );
  }
}

/** @param {string} words */
function sayOfPeople(words) {
  setText(byId("live-people", HTMLElement), words);
}
