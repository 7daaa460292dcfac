// The detectors of detection.compare on this series: a strip of flags each over the stretch of the chart.
import { ask } from "./api.js";
import { h, put } from "./dom.js";
import { clockIn, count, number, windows } from "./words.js";

/** device, signal: whose. */
export function besideStrips(device, signal) {
  const root = h("section", { class: "card joint", hidden: true });

  function cell(one) {
    const level = one.score === null ? "none" : one.flagged ? "flagged" : "calm";
    const text = one.score === null ? "not judged" : `highest score ${number(one.score, 3)}, ${count(one.flagged)} flagged`;
    return h("i", { class: level, title: `${clockIn(one.start)} to ${clockIn(one.end)}: ${text}` });
  }

  function strip(one) {
    const told = `${count(one.flagged)} of ${count(one.scored)} ${windows(one.scored)} flagged, ${count(one.both)} of them by the run, too; ${count(one.only_run)} by the run only`;
    return [
      h("p", {}, h("b", {}, one.detector), one.model ? ` (${one.model})` : "", `: ${told}`),
      h("div", { class: "strip", role: "img", "aria-label": `${one.detector}: ${told}` }, one.cells.map(cell)),
    ];
  }

  return {
    root,
    async refresh(from, to) {
      const { detectors } = await ask("/api/comparisons", { device, signal, from, to });
      root.hidden = !detectors.length;
      if (!root.hidden) put(root, h("h2", {}, "Detectors side by side"), detectors.flatMap(strip));
    },
  };
}
