// The inbox: incidents whose labels would tell most, each with the four answers.
import { Refused, ask } from "./api.js";
import { empty, h, put } from "./dom.js";
import { say } from "./feedback.js";
import { labels, leader, what, where } from "./incident_words.js";
import { owner } from "./owner.js";
import { levelPill } from "./rows.js";
import { clockIn, count, cut, link, narrow, number } from "./words.js";

const SOON = 2000;

export function inbox(shared) {
  const root = h("div", { class: "inbox" }), list = h("ol", { class: "plain-list" }), note = h("div", {}), told = h("p", { role: "alert" });
  const who = h("input", { value: owner(), maxlength: 100, autocomplete: "name", required: true });
  const name = h("label", { class: "field" }, h("span", {}, "Your name, for your answers"), who);
  let waiting = null;
  root.append(name, told, list, note);

  async function refresh() {
    const answer = await ask("/api/inbox");
    name.hidden = !answer.allowed || !answer.rows.length;
    put(list, answer.rows.map((row) => question(row, answer.allowed)));
    put(note, !answer.rows.length && (answer.drawing ? empty("The questions are being drawn.", "The worst series of the last 28 days are folded again; with many of them that takes minutes.")
      : answer.error ? empty("There are no questions.", answer.error) : empty("Nothing to ask.", "Every incident that would be asked about has a label, or there is none.")));
    clearTimeout(waiting);
    if (answer.drawing) waiting = setTimeout(() => root.isConnected && shared.refresh(), SOON);
    return answer;
  }

  function question(row, allowed) {
    const why = row.asked === "random" ? `drawn from all: it stands for ${number(row.weight, 3)} incidents` : row.question;
    return h("li", { class: "question" }, levelPill(row.level),
      h("div", {}, h("a", { href: link("incident", { id: row.id }), "data-row": true, "data-key": row.id }, h("b", {}, cut(where(row), narrow() ? 30 : 50)), " ", h("span", {}, leader(row))),
        h("p", {}, what(row)), h("p", { class: "soft" }, `${clockIn(row.started)}, severity ${number(row.severity, 2)}; ${why}`)),
      allowed ? h("div", { class: "chips", role: "group", "aria-label": `What was it: ${where(row)}, ${clockIn(row.started)}` }, labels.map(([label, text]) =>
        h("button", { type: "button", title: `${label}: ${text}`, "data-key": `${label} ${row.id}`, onclick: () => answered(row, label) }, label)))
        : h("p", { class: "command" }, h("code", {}, `ad-stream label ${row.id} false --asked ${row.asked}${row.weight === null ? "" : ` --weight ${number(row.weight, 3)}`}`)));
  }

  async function answered(row, label) {
    if (!who.reportValidity()) return;
    try {
      await say({ action: "label", incident: row.id, label, asked: row.asked, weight: row.weight, owner: who.value.trim() });
      told.textContent = "";
      document.getElementById("announce").textContent = `Labelled ${label}; ${count(Math.max(0, list.childElementCount - 1))} left.`;
      shared.refresh();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      told.textContent = error.message;
    }
  }

  return { root, refresh };
}
