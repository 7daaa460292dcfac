// One incident: why it is one, its leader's chart with the frozen band, who was in it, what happened, what people said.
import { Refused, ask } from "./api.js";
import { draw } from "./chart.js";
import { empty, h, put } from "./dom.js";
import { feedback } from "./feedback.js";
import { eventWords, labelWords, lasted, leader, standing, what, where, why } from "./incident_words.js";
import { levelPill, severity } from "./rows.js";
import { band, clock, clockIn, count, cut, grid, isoOf, link, number, shift, windows } from "./words.js";
import { told, zoneName } from "./zone.js";

const AROUND = 60;
const MONTH = 31 * 86400;

export function incident(asked, shared) {
  const { id } = asked;
  const head = h("div", { class: "head" }), reasons = h("div", { class: "card why" }), members = h("div", { class: "card" }), events = h("div", { class: "card" }), said = h("div", {});
  const plot = h("div", { class: "plot", role: "img" }), caption = h("p", { class: "soft" }), files = h("p", { class: "files" });
  const chart = h("div", { class: "card" }, plot, h("div", { class: "under" }, caption, files));
  const buttons = feedback(() => { known = null; shared.refresh(); });
  const root = h("section", { class: "one" }, h("p", {}, h("a", { href: link("incidents"), onclick: back }, "‹ back")),
    head, buttons.root, said, chart, h("div", { class: "columns even" }, reasons, events), members);
  let row = null, known = null, drawn = null, turn = 0;

  function back(event) {
    if (history.length > 1) { event.preventDefault(); history.back(); }
  }

  async function refresh() {
    const mine = ++turn, now = shared.state.incidents;
    if (known !== now) {
      const found = await ask("/api/incident", { id });
      if (mine !== turn) return;
      [row, known] = [found, now];
      buttons.update(row);
      drawHead();
      drawSaid();
      drawEvents();
      drawMembers();
    }
    drawWhy();
    await drawChart(mine);
  }

  function drawHead() {
    put(head, h("h1", { title: where(row) }, cut(where(row), 60), " ", h("small", {}, row.devices === 1 && leader(row) && `${cut(leader(row), 40)} `, what(row))),
      h("p", { class: "pills" }, levelPill(row.level), h("span", { class: `pill ${row.state === "open" ? (row.acked_by ? "muted" : "flagged") : ""}` }, standing(row)), row.label && h("span", { class: "pill" }, `label ${row.label}: ${labelWords(row.label)}`)));
  }

  function drawWhy() {
    const until = row.state === "open" ? "" : clockIn(shift(row.last ?? row.started, 1));
    const facts = [["since", clockIn(row.started)], ["until", until], ["lasted", lasted(row, shared.state.newest)], ["told", row.events.some((one) => one.notify) ? `first at ${clockIn(row.events.find((one) => one.notify).minute)}` : "nobody"],
      ["worst value", row.peak_value === null ? "" : `${number(row.peak_value)}${row.peak_minute ? ` at ${clockIn(row.peak_minute)}` : ""}`], ["expected at the onset", row.expected === null ? "" : number(row.expected)], ["band of the onset", row.lower === null ? "" : band(row)],
      ["severity, of 1", severity(row.severity)],
      // Counted up to its last change, so they say nothing while it is open.
      [`${windows(2)} out`, row.state === "open" ? "" : count(row.out_minutes)], [`flagged ${windows(2)}`, row.state === "open" ? "" : count(row.flagged_minutes)], ["acknowledged until", row.acked_until ? clockIn(row.acked_until) : ""], ["id", row.id]];
    put(reasons, h("h2", {}, "Why"), why(row, shared.state.newest).map((sentence, i) => h("p", { class: i ? null : "sentence" }, sentence)),
      h("dl", { class: "facts" }, facts.filter(([, text]) => text !== "").map(([label, text]) => h("div", {}, h("dt", {}, label), h("dd", {}, text)))));
  }

  /** From a little before it to a little after; of one that is open to the newest window. */
  function stretch() {
    const end = row.state === "open" ? shift(shared.state.newest, 1) : shift(row.last ?? row.started, AROUND);
    const first = Math.max(Date.parse(shift(row.started, -AROUND)), Date.parse(end) - MONTH * 1000);
    return { from: shift(new Date(first).toISOString(), 0), to: end };
  }

  async function drawChart(mine) {
    chart.hidden = !row.device || !row.signal;
    if (chart.hidden) return;
    const span = stretch();
    try {
      const found = await ask("/api/series", { device: row.device, signal: row.signal, ...span });
      if (mine !== turn) return;
      drawn = { ...found, range: `${span.from} ${span.to}`, frozen: row.lower === null ? null : { from: row.started, to: row.state === "open" ? span.to : shift(row.last ?? row.started, 1), lower: row.lower, upper: row.upper } };
      plot.setAttribute("aria-label", `Value, expected band and the band of the onset of ${row.device} ${row.signal}`);
      put(caption, `${row.device} ${row.signal}, which was out first. Times in ${zoneName()}.`);
      put(files, h("a", { href: link("series", { device: row.device, signal: row.signal, ...span }) }, "open the series"));
      await paint();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      plot.hidden = true;
      put(caption, told(error.message));
    }
  }

  async function paint() {
    if (drawn) await draw(plot, drawn, null, (at) => at && shared.go(link("series", { device: row.device, signal: row.signal, ...stretch(), minute: isoOf(at) })), () => {});
  }

  function drawMembers() {
    const heads = ["series", "since", "until", "worst value", "band of the onset", "severity"];
    const lines = row.members.map((one) => h("tr", { class: one.ended ? null : "flagged" },
      h("th", { scope: "row" }, one.signal
        ? h("a", { href: link("series", { device: one.device, signal: one.signal, from: shift(one.started, -AROUND), ...(one.ended ? { to: shift(one.ended, AROUND) } : {}) }), "data-row": true, "data-key": `member ${one.device} ${one.signal}`, title: `${one.device} ${one.signal}` }, h("b", {}, cut(one.device ?? "", 40)), " ", h("span", {}, cut(one.signal, 40)))
        : h("b", { title: one.device ?? "" }, cut(one.device ?? where(row), 40)), one.leader && h("small", {}, "first")),
      [clock(one.started), one.ended ? clock(one.ended) : "is out"].map((text, i) => h("td", { "data-label": heads[i + 1] }, text)),
      h("td", { class: "right", "data-label": heads[3] }, number(one.peak_value)), h("td", { "data-label": heads[4] }, band(one)), h("td", { "data-label": heads[5] }, severity(one.severity))));
    put(members, h("h2", {}, `Members: ${count(row.members_total)}`),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Members" }, h("table", { class: "cards members" }, h("thead", {}, h("tr", {}, heads.map((text, i) => h("th", { scope: "col", class: i === 3 ? "right" : null }, text)))), h("tbody", {}, lines))),
      row.members_total > row.members.length && h("p", { class: "soft" }, `The first ${count(row.members.length)}; those that are out, and the most severe, come first.`));
  }

  function drawEvents() {
    put(events, h("h2", {}, "What happened"),
      row.events_total > row.events.length && h("p", { class: "soft" }, `The newest ${count(row.events.length)} of ${count(row.events_total)}.`),
      h("ol", { class: "happened scroll", tabindex: 0, "aria-label": "What happened" }, row.events.map((one) => h("li", {},
        h("time", { datetime: one.minute }, clock(one.minute)), h("span", {}, h("b", {}, eventWords(one.event)), ` ${one.level}`, one.why && one.why !== one.event && h("span", { class: "soft" }, ` ${told(one.why.replaceAll("_", " "))}`), h("small", {}, one.meaning)),
        h("span", { class: `pill ${one.notify ? "normal" : ""}` }, one.notify ? "told" : "not told")))));
  }

  function drawSaid() {
    const waiting = "It counts from the stream's next batch on.";
    put(said, row.said.length > 0 && h("ul", { class: "said" }, row.said.map((one) => h("li", {},
      h("b", {}, one.owner || "somebody"), ` ${spoken(one)}`, one.until && ` until ${clockIn(one.until)}`, one.note && h("q", {}, one.note), h("small", {}, clockIn(one.changed)))),
    ["ack", "unack", "close"].includes(row.said.at(-1).action) && h("li", { class: "soft" }, waiting)));
  }

  return { title: `Incident ${id}`, root, refresh, repaint: paint };
}

const spoken = (one) => ({ ack: "acknowledged it", unack: "took the acknowledgement back", close: "closed it", label: `labelled it ${one.label}`, comment: "noted" })[one.action] ?? one.action;
