// The same series a day or a week before, drawn into the chart of what is shown.
import { ask } from "./api.js";
import { select } from "./dom.js";
import { grid, isoOf, shift } from "./words.js";

const BEFORE = [["", "nothing"], ["day", "the day before"], ["week", "the week before"]];
const DAYS = { day: 1, week: 7 };

/** The box that asks for it. */
export const compareBox = (chosen, onchange) => select("Compare with", "compare", BEFORE, chosen, onchange);

/** A value of an address that is one of these, else none. */
export const known = (text) => (text in DAYS ? text : "");

/** {name, value: one per window of the answer} of the stretch before; null where nothing is asked for. */
export async function before(answer, chosen) {
  if (!chosen || !answer.times.length) return null;
  const back = -Math.round((DAYS[chosen] * 86400) / grid.every);
  const from = shift(isoOf(answer.times[0]), back), to = shift(isoOf(answer.times.at(-1)), back + 1);
  const found = await ask("/api/series", { device: answer.device, signal: answer.signal, hours: 1, from, to });
  const value = answer.times.map((_, i) => found.value[i] ?? null);
  return { name: BEFORE.find(([key]) => key === chosen)[1], value, empty: value.every((one) => one === null) };
}
