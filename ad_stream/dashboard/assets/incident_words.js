// What an incident is, in words: what happened, why it is one, how it ended.
import { age, band, count, grid, minutesBetween, number } from "./words.js";

export const LEVELS = ["high", "medium", "low"];
const ENDED = {
  returned: "the values are back", new_level: "the new level is taken for the normal one", person: "a person closed it",
  reported: "it reports again", gone: "silent for a day, it is taken for gone",
};
/** What the page calls an event; its meaning comes from the server. */
const EVENTS = { acked: "acknowledged", unacked: "acknowledgement over", still: "still out after a mute" };
const LABELS = { true: "worth telling", false: "nothing had happened", expected: "planned", unsure: "nobody knows" };

export const labels = Object.entries(LABELS);
export const labelWords = (label) => LABELS[label] ?? label;
export const eventWords = (event) => EVENTS[event] ?? event;

/** Where it is: its site, else its device, else the stream. */
export const where = (row) => row.site ?? row.device ?? "the stream";

/** Its leader, where the site does not say it. */
export const leader = (row) => (row.site && row.device) || "";

/** 'temperature above: 31.2, band 18 to 24'. */
export function what(row) {
  const devices = row.devices > 1 ? `${count(row.devices)} devices, ` : "";
  if (row.kind === "silence") return `${devices}${row.signal ?? (row.devices > 1 ? "all" : "device")} silent`;
  if (row.kind !== "value") return [row.reason, row.why].filter((text, i, all) => text && all.indexOf(text) === i).join(": ");
  const value = row.peak_value === null ? "" : `: ${number(row.peak_value)}`;
  return `${devices}${row.signal} ${row.direction ?? row.reason}${value}${row.lower === null ? "" : `, band ${band(row)}`}`;
}

/** 'open', 'open, acknowledged by Ada', 'returned', 'withdrawn'. */
export function standing(row) {
  if (row.state === "open") return row.acked_by ? `open, acknowledged by ${row.acked_by}` : "open";
  return row.state === "withdrawn" ? "withdrawn" : (row.close_reason ?? "closed").replace("_", " ");
}

/** How long it has been out, or was. */
export const lasted = (row, newest) => age(minutesBetween(row.started, row.state === "open" ? newest : row.last ?? row.started) + grid.every / 60);

/** Why it is one, in sentences. */
export function why(row, newest) {
  const long = lasted(row, newest), many = row.series > 1;
  const place = row.kind === "value" ? `${row.device} ${row.signal}` : where(row);
  const first = {
    value: `${place} was flagged: ${row.meaning}.`,
    silence: `${row.signal ? `${row.device} ${row.signal}` : row.devices > 1 ? where(row) : row.device} ${row.state === "open" ? "has been" : "was"} silent for longer than its own cadence explains.`,
    surge: "More devices at once than the fleet's own rate explains.",
    pipeline: `The stream itself: ${what(row)}.`,
  }[row.kind] ?? `${what(row)}.`;
  const frozen = row.kind === "value" && row.lower !== null
    && `Since then each ${grid.every === 60 ? "minute" : "window"} is asked whether the value is back in the band of that moment, ${band(row)}; ${row.state === "open" ? "up to its last change the worst was" : "at its worst it was"} ${number(row.peak_value)}.`;
  const size = many && `${count(row.series)} series of ${count(row.devices)} ${row.devices === 1 ? "device" : "devices"} were in it${row.state === "open" ? `, ${count(row.open_series)} still ${row.open_series === 1 ? "is" : "are"}` : ""}.`;
  const again = row.reopened > 0 && `It came back ${row.reopened === 1 ? "once" : `${row.reopened} times`}${row.reopened >= 3 ? ": it chatters" : ""}.`;
  const end = row.state === "withdrawn" ? "A backfill took its flags away: it never was."
    : row.state === "open" ? `It is open, for ${long} now.` : `It lasted ${long} and ended because ${ENDED[row.close_reason] ?? "its last member ended"}.`;
  return [first, frozen, size, again, end].filter(Boolean);
}
