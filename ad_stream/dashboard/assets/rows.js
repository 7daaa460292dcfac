// The fleet as a list: a row per series, a card on a phone.
import { h, nameLink } from "./dom.js";
import { gauge, spark } from "./spark.js";
import { ago, band, clock, count, link, number } from "./words.js";

const HEADS = [["Series"], ["Last 60 windows", "wide"], ["Value", "right"], ["Expected band", "mid"], ["Flags", "right"], ["Severity", "mid"], ["State"]];

export function seriesTable(rows) {
  return h("table", { class: "series" },
    h("caption", { class: "unseen" }, "Series of the fleet"),
    h("thead", {}, h("tr", {}, HEADS.map(([text, kind]) => h("th", { scope: "col", class: kind }, text)))),
    h("tbody", {}, rows.map(line)));
}

function line(row) {
  const shown = row.silent ? "silent" : row.flag ? "flagged" : row.status === "scored" ? "normal" : row.status;
  const words = { silent: `silent since ${clock(row.minute)}`, flagged: "flagged", normal: "normal", warming_up: "warming up", declined: "not judged" }[shown];
  return h("tr", { class: shown },
    h("th", { scope: "row" }, nameLink(row, link("series", { device: row.device, signal: row.signal }), `${row.device} ${row.signal}`)),
    h("td", { class: "wide" }, spark(row.spark, row.marks)),
    h("td", { class: "right", "data-label": "value" }, number(row.value)),
    h("td", { class: "mid band", "data-label": "band" }, gauge(row), h("span", {}, band(row))),
    h("td", { class: "right", "data-label": "flags" }, row.flags ? count(row.flags) : "", row.flags > 0 && h("small", {}, ago(row.flagged))),
    h("td", { class: "mid" }, row.flags > 0 && severity(row.severity)),
    h("td", { class: "state" }, h("span", { class: `pill ${shown}`, title: row.why }, words)));
}

export function severity(value) {
  const meter = h("span", { class: "meter", role: "img", "aria-label": `severity ${number(value, 2)} of 1` }, h("i", {}));
  meter.firstChild.style.inlineSize = `${Math.max(4, 100 * Math.min(1, value ?? 0))}%`;
  return h("span", { class: "severity" }, meter, h("span", {}, number(value, 2)));
}

/** A level of an incident, by its word and its colour. */
export const levelPill = (level) => h("span", { class: `pill level ${level}` }, level);
