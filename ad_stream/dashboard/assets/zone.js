// The zone in which every time of the page is written: this browser's, or UTC. Times travel in UTC.

const KEY = "ad-stream-zone";
const DAY = 86400;
const STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY];

function stored() {
  try { return localStorage.getItem(KEY); } catch { return null; }
}

let utc = stored() === "utc";

export function switchZone() {
  utc = !utc;
  try { localStorage.setItem(KEY, utc ? "utc" : "local"); } catch { /* for this page alone */ }
  window.dispatchEvent(new Event("zone"));
}

/** What people call the zone, at a time, since summer has another name: 'UTC', 'CET', 'GMT-5'. */
export function zoneName(at = Date.now()) {
  if (utc) return "UTC";
  return new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(at).find((part) => part.type === "timeZoneName").value;
}

/** The whole name of this browser's zone. */
export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "this browser's zone";

const two = (n) => String(n).padStart(2, "0");

/** A time as the zone's clocks show it: {date: '2026-11-01', time: '06:30', seconds: '06:30:00'}. */
export function wall(at) {
  const day = new Date(at);
  const [y, m, d, h, min, s] = utc
    ? [day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate(), day.getUTCHours(), day.getUTCMinutes(), day.getUTCSeconds()]
    : [day.getFullYear(), day.getMonth(), day.getDate(), day.getHours(), day.getMinutes(), day.getSeconds()];
  const time = `${two(h)}:${two(min)}`;
  return { date: `${y}-${two(m + 1)}-${two(d)}`, time, seconds: `${time}:${two(s)}`, year: y, month: m, day: d };
}

/** What the zone's clocks showed -> '2026-11-01T06:30Z'; '' for what is no time. */
export function fromWall(text) {
  const at = Date.parse(utc ? `${text}Z` : text);
  return Number.isNaN(at) ? "" : new Date(at).toISOString().replace(/(:00)?\.000Z$/, "Z");
}

/** A sentence of the server with its times in the zone: '2026-11-01 06:30 UTC' and '2026-11-01T06:30Z' are known. */
export function told(text) {
  return text.replace(/(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d)?(?: UTC|Z)/g, (_, date, time, seconds = "") => {
    const at = Date.parse(`${date}T${time}${seconds}Z`), there = wall(at);
    return `${there.date} ${seconds ? there.seconds : there.time} ${zoneName(at)}`;
  });
}

/** Round times of the zone from `first` to `last` (ms). Where clocks go back an hour stands there twice, as it passed. */
function round(first, last, step) {
  const found = [];
  if (step >= DAY) {
    const { year, month, day } = wall(first), at = (n) => (utc ? Date.UTC(year, month, day + n) : new Date(year, month, day + n).getTime());
    for (let n = 0; at(n) <= last; n += step / DAY) if (at(n) >= first) found.push(at(n));
    return found;
  }
  // Zones differ from UTC by whole quarters of an hour, so a round time of any of them lies on this raster.
  const raster = 1000 * divisor(step, 900);
  for (let at = Math.ceil(first / raster) * raster; at <= last; at += raster) {
    const [h, min, s] = wall(at).seconds.split(":").map(Number);
    if ((3600 * h + 60 * min + s) % step === 0) found.push(at);
  }
  return found;
}

const divisor = (a, b) => (b === 0 ? a : divisor(b, a % b));

/** Places and labels of at most `most` marks on a time axis from `first` to `last` (ms). */
export function ticks(first, last, most) {
  const step = STEPS.find((one) => (last - first) / 1000 / one <= most) ?? STEPS.at(-1);
  const places = round(first, last, step);
  const labels = places.map((place, n) => {
    const { date, time, seconds } = wall(place);
    const dated = n > 0 && wall(places[n - 1]).date === date ? "" : new Date(`${date}T00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
    return [step >= DAY ? "" : step < 60 ? seconds : time, dated].filter(Boolean).join("<br>");
  });
  return { places: places.map((at) => new Date(at).toISOString().slice(0, 19)), labels };
}
