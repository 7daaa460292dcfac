// What the report and the live page make of a Picture (report/picture.py): its band as polygons, its rows as CSV.

/** First and last place of each run of windows that have a band. */
export function runs(one) {
  const found = [];
  one.lower.forEach((low, i) => {
    if (low === null || one.upper[i] === null) return;
    if (found.length && found.at(-1)[1] === i - 1) found.at(-1)[1] = i;
    else found.push([i, i]);
  });
  return found;
}

/** The band as one closed polygon per run, there along the upper bound and back along the lower; a null parts two. */
export function band(one) {
  const x = [], y = [];
  for (const [first, last] of runs(one)) {
    const there = Array.from({ length: last - first + 1 }, (_, n) => first + n), back = [...there].reverse();
    if (x.length) { x.push(null); y.push(null); }
    x.push(...there.map((i) => one.times[i]), ...back.map((i) => one.times[i]));
    y.push(...there.map((i) => one.upper[i]), ...back.map((i) => one.lower[i]));
  }
  return { x, y };
}

/** The rows that are shown as CSV text, a line per window that has one; names with separators are quoted. */
export function csv(one) {
  const cell = (value) => (value === null || value === undefined ? "" : /[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const rows = one.times.flatMap((at, i) => (one.value[i] === null ? [] : [[at, one.value[i], one.expected[i], one.lower[i], one.upper[i], one.flags[i], one.why[i]]]));
  return [["time", "value", "expected", "lower", "upper", "flag", "why"], ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

/** Hands `text` to the person as a file. */
export function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** 'pump 7 · temperature' -> 'pump-7-temperature.csv'. */
export const csvName = (title) => `${(title.match(/[\p{L}\p{N}_.]+/gu) ?? ["picture"]).join("-")}.csv`;
