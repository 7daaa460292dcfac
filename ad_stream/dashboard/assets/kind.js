// What a series is judged as: the rate of a counter, the time in a state, and the command that says what it is.
import { h } from "./dom.js";

const NAMES = { gauge: "a level", counter: "a counter", state: "a state" };

/** told: `judged_as` of /api/series. Nothing of a level that looks like one. */
export function kindLine(told) {
  if (told.judged === "gauge" && !told.looks) return null;
  const hint = told.looks ? `It is judged ${told.says}, and looks like ${NAMES[told.looks]} in what is shown. To have it judged as one, type:` : `It is judged ${told.says}. To have it judged by its readings, type:`;
  return h("div", { class: "card kind" }, h("h2", {}, told.looks ? `Looks like ${NAMES[told.looks]}` : `Judged as ${NAMES[told.judged]}`),
    h("dl", { class: "facts" }, told.facts.map(([label, text]) => h("div", {}, h("dt", {}, label), h("dd", {}, text)))),
    h("p", { class: "soft" }, hint), h("p", { class: "command" }, h("code", {}, told.command)));
}
