// Numbers, times and links as the page writes them.
import { wall, zoneName } from "./zone.js";

export function number(value, digits = 5) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-4)) return value.toExponential(2);
  return value.toLocaleString("en", { maximumSignificantDigits: digits });
}

export const count = (value) => (value ?? 0).toLocaleString("en");

/** The windows of the tables: their length in seconds, how far back flags are held. */
export const grid = { every: 60, lookBack: 86400 };
/** What people call them. */
export const windows = (n) => (grid.every === 60 ? "minute" : "window") + (n === 1 ? "" : "s");
/** A stretch of so many windows: '10 minutes', '100 seconds', '10 hours'. */
export function stretch(n) {
  const seconds = n * grid.every;
  const [size, name] = [[86400, "days"], [3600, "hours"], [60, "minutes"], [1, "seconds"]].find(([unit]) => seconds >= 2 * unit && seconds % unit === 0) ?? [1, "seconds"];
  return `${seconds / size} ${name}`;
}

const now = () => new Date().toISOString();

/** '2026-11-01T06:30Z' -> '06:30' in the zone of the page, with the day in front where it is not today. */
export function clock(iso) {
  if (!iso) return "–";
  const at = wall(Date.parse(iso));
  return (wall(Date.now()).date === at.date ? "" : `${at.date.slice(5)} `) + (grid.every % 60 ? at.seconds : at.time);
}

/** As `clock`, with the zone behind. */
export const clockIn = (iso) => (iso ? `${clock(iso)} ${zoneName(Date.parse(iso))}` : "–");

/** Start of a window and end of a stretch, the day said once where both have it: '11-01 23:50–23:58'. */
export function fromTo(first, last) {
  const [start, end] = [clock(first), clock(last)], day = start.slice(0, 6);
  return start === end ? start : `${start}–${start.length > 8 && end.startsWith(day) ? end.slice(6) : end}`;
}

/** A window of a chart, '2026-11-01 06:30' in UTC -> ISO. */
export const isoOf = (text) => `${text.replace(" ", "T")}Z`;

export const minutesBetween = (from, to) => (Date.parse(to) - Date.parse(from)) / 60000;

export function age(exact) {
  const minutes = Math.round(exact);
  if (exact > 0 && exact < 1) return `${Math.round(exact * 60)} s`;
  if (minutes <= 0) return "now";
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h`;
  return `${Math.floor(minutes / 1440)} days`;
}

/** How long ago a window began, by this machine's clock. */
export function ago(iso) {
  const minutes = Math.round(minutesBetween(iso, now()));
  return minutes <= 0 ? "now" : `${age(minutes)} ago`;
}

/** Is this a phone? As the style sheet asks it. */
export const narrow = () => matchMedia("(max-width: 44rem)").matches;

/** A long name with its middle left out, for its beginning says the site and its end the device. */
export function cut(name, most = 34) {
  const signs = [...name], kept = Math.floor((most - 1) / 2);
  return signs.length <= most ? name : `${signs.slice(0, most - 1 - kept).join("")}…${signs.slice(-kept).join("")}`;
}

export function link(view, parameters = {}) {
  const kept = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(kept).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

/** Windows added to an ISO time. */
export const shift = (iso, n) => `${new Date(Date.parse(iso) + n * grid.every * 1000).toISOString().slice(0, grid.every % 60 ? 19 : 16)}Z`;

export function band(row) {
  return row.lower === null ? "–" : `${number(row.lower, 4)} to ${number(row.upper, 4)}`;
}
