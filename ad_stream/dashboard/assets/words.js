// Numbers, times and links as the page writes them.

export function number(value, digits = 5) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-4)) return value.toExponential(2);
  return value.toLocaleString("en", { maximumSignificantDigits: digits });
}

export const count = (value) => (value ?? 0).toLocaleString("en");

const now = () => new Date().toISOString();

/** '2026-11-01T06:30Z' -> '06:30', with the day in front where it is not today. */
export function clock(iso) {
  if (!iso) return "–";
  return (now().slice(0, 10) === iso.slice(0, 10) ? "" : `${iso.slice(5, 10)} `) + iso.slice(11, 16);
}

export const minutesBetween = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / 60000);

export function age(minutes) {
  if (minutes <= 0) return "now";
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h`;
  return `${Math.floor(minutes / 1440)} days`;
}

/** How long ago a minute began, by this machine's clock. */
export function ago(iso) {
  const minutes = minutesBetween(iso, now());
  return minutes <= 0 ? "now" : `${age(minutes)} ago`;
}

export function link(view, parameters = {}) {
  const kept = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(kept).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

/** Minutes added to an ISO minute. */
export const shift = (iso, minutes) => `${new Date(Date.parse(iso) + minutes * 60000).toISOString().slice(0, 16)}Z`;

export function band(row) {
  return row.lower === null ? "–" : `${number(row.lower, 4)} to ${number(row.upper, 4)}`;
}
