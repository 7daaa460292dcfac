// The fleet by site: worst first, each leads to its series.
import { h } from "./dom.js";
import { severity } from "./rows.js";
import { count, cut, link } from "./words.js";

const HEADS = [["site", "Site"], ["devices", "Devices"], ["silent", "Silent devices"], ["series", "Series"], ["flagged", "Flagged series"], ["flags", "Flags"]];

export function siteTable(rows, asked) {
  return h("table", { class: "sites cards" },
    h("caption", { class: "unseen" }, "Sites of the fleet"),
    h("thead", {}, h("tr", {}, HEADS.map(([key, text]) => h("th", { scope: "col", class: key === "site" ? null : "right" }, text)), h("th", { scope: "col" }, "Highest severity"))),
    h("tbody", {}, rows.map((row) => h("tr", { class: row.silent ? "silent" : row.flagged ? "flagged" : "normal" },
      h("th", { scope: "row" }, h("a", { class: "cover", href: link("fleet", { ...asked, site: row.site, show: "" }), title: row.site, "data-row": true, "data-key": `site ${row.site}` }, h("b", {}, cut(row.site)))),
      HEADS.slice(1).map(([key, text]) => h("td", { class: `right ${key} ${row[key] ? "some" : ""}`, "data-label": text }, count(row[key]))),
      h("td", { "data-label": "Highest severity" }, row.flags > 0 ? severity(row.severity) : "")))));
}
