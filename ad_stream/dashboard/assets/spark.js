// Small drawings in rows: the last windows of a series, and where its value stands in its band.
import { svg } from "./dom.js";

const WIDTH = 132, HEIGHT = 30, PAD = 4;

export function spark(values, marks) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  const low = Math.min(...known), range = Math.max(...known) - low || 1;
  const x = (place) => PAD + ((WIDTH - 2 * PAD) * place) / Math.max(1, values.length - 1);
  const y = (value) => HEIGHT - PAD - ((HEIGHT - 2 * PAD) * (value - low)) / range;
  let path = "", drawing = false;
  values.forEach((value, place) => {
    // A window alone between gaps is a dot: a line of no length with round ends.
    if (value !== null) path += `${drawing ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}${drawing ? "" : "h0"}`;
    drawing = value !== null;
  });
  const dots = marks.filter((place) => values[place] !== null)
    .map((place) => svg("circle", { cx: x(place).toFixed(1), cy: y(values[place]).toFixed(1), r: 2.6 }));
  return svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" }, svg("path", { d: path }), dots);
}

/** The band is the middle third; a value beyond the drawing sticks to its edge. */
export function gauge(row) {
  if (row.lower === null || row.value === null) return null;
  const width = row.upper - row.lower || 1;
  const place = Math.min(1, Math.max(0, (row.value - row.lower + width) / (3 * width)));
  return svg("svg", { class: "gauge", viewBox: "0 0 90 10", "aria-hidden": "true" },
    svg("rect", { class: "rail", x: 0, y: 4, width: 90, height: 2, rx: 1 }),
    svg("rect", { class: "in", x: 30, y: 2, width: 30, height: 6, rx: 2 }),
    svg("circle", { class: row.flag ? "out" : "dot", cx: (4 + 82 * place).toFixed(1), cy: 5, r: 4 }));
}
