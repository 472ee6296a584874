/**
 * Days and times of the history, in the person's language.
 */
import { locale, t } from "./strings.js";

/** @param {Intl.DateTimeFormatOptions} options */
const format = (options) => new Intl.DateTimeFormat(locale, options);

const clock = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockSeconds = format({ timeStyle: "medium", hourCycle: "h23" });
const day = format({ weekday: "short", day: "numeric", month: "long" });
const shortDay = format({ weekday: "short", day: "numeric", month: "short" });
const longDay = format({ weekday: "long", day: "numeric", month: "long" });
const longDayYear = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });

const DAY_MS = 24 * 3_600_000;

/** "14:32" @param {number} ms */
export function clockTime(ms) {
  return clock.format(ms);
}

/** "Tue 7 October, 14:32" or, to the second, "Tue 7 October, 14:32:08" @param {number} ms */
export function dayAndTime(ms, { seconds = false } = {}) {
  return `${plain(day.format(ms))}, ${(seconds ? clockSeconds : clock).format(ms)}`;
}

/** "Mon 6 Oct" @param {number} ms */
export function dayLabel(ms) {
  return plain(shortDay.format(ms));
}

/** "Tuesday 7 October, 14:32" @param {number} ms */
export function spokenTime(ms) {
  return `${plain(longDay.format(ms))}, ${clock.format(ms)}`;
}

/** "Today, Wednesday 8 October"; of other years with the year. @param {number} ms @param {number} now */
export function dayHeading(ms, now) {
  const same = new Date(ms).getFullYear() === new Date(now).getFullYear();
  const words = plain((same ? longDay : longDayYear).format(ms));
  if (dayKey(ms) === dayKey(now)) return t("history.today", { day: words });
  return dayKey(ms) === dayKey(now - DAY_MS) ? t("history.yesterday", { day: words }) : words;
}

/** The same for all times of a day, where the person is. @param {number} ms */
export function dayKey(ms) {
  return new Date(ms).toDateString();
}

/** English dates without the comma after the weekday, which others do not have. @param {string} words */
function plain(words) {
  return words.replace(/^(\p{L}+), /u, "$1 ");
}
