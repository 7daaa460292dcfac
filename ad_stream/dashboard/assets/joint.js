// The device's signals together: a strip of scores over the stretch of the chart, and its alarms with their first signals.
import { ask } from "./api.js";
import { h, put } from "./dom.js";
import { clock, clockIn, count, cut, number, windows } from "./words.js";

const SHOWN = 6;
const percent = (share) => `${Math.round(100 * share)} %`;

/** device: whose; pageOf(signal): the address of a signal's page; onChoose(minute): a window was clicked. */
export function jointStrip(device, { pageOf, onChoose }) {
  const root = h("section", { class: "card joint", hidden: true });

  function cells(answer) {
    return answer.cells.map((cell) => {
      const level = cell.score === null ? "none" : cell.flagged ? "flagged" : cell.score >= answer.threshold / 2 ? "raised" : "calm";
      const text = cell.score === null ? "not judged" : `highest score ${number(cell.score, 3)}, ${count(cell.flagged)} flagged`;
      return h("i", { class: level, title: `${clockIn(cell.start)} to ${clockIn(cell.end)}: ${text}` });
    });
  }

  function contributor(one) {
    const band = one.lower === null ? "" : `, expected ${number(one.lower, 4)} to ${number(one.upper, 4)}`;
    return h("li", {}, h("a", { href: pageOf(one.signal), title: one.signal }, cut(one.signal, 26)), ` ${percent(one.share)}: ${number(one.value)}${band}`);
  }

  function alarm(row) {
    const alone = row.flagged_signals ? `${count(row.flagged_signals)} flagged alone, too` : "no signal is flagged alone";
    return h("li", {},
      h("button", { type: "button", class: "plain", "data-key": `joint ${row.minute}`, onclick: () => onChoose(row.minute) }, clock(row.minute)),
      ` score ${number(row.score, 3)}, severity ${number(row.severity, 2)}, ${alone}. ${row.meaning}.`,
      h("ol", {}, row.contributors.map(contributor)));
  }

  return {
    root,
    async refresh(from, to) {
      const answer = await ask("/api/joint", { device, from, to });
      root.hidden = !answer.cells.length;
      if (root.hidden) return;
      put(root,
        h("h2", {}, `Signals together: ${count(answer.flagged)} ${windows(answer.flagged)} flagged`),
        h("div", { class: "strip", role: "img", "aria-label": `Joint score of ${device}: ${count(answer.flagged)} ${windows(answer.flagged)} flagged` }, cells(answer)),
        answer.drift !== null && h("p", { class: "note" }, `${percent(answer.drift)} of the last day lies where 5 % of the training days lay: the model no longer fits. `, h("code", {}, "ad-stream train --joint")),
        answer.alarms.length > 0 && h("ol", { class: "alarms" }, answer.alarms.slice(0, SHOWN).map(alarm)),
        answer.alarms.length > SHOWN && h("p", { class: "soft" }, `The newest ${SHOWN} of them; all are in the report and in the table joint_detections.`));
    },
  };
}
