// Incidents by site or device over time: a cell says the highest level in it and how many lay in it.
import { h } from "./dom.js";
import { cellTable } from "./heat.js";
import { clockIn, count, cut, link, narrow } from "./words.js";

/** asked: the filter of the page. A cell leads to its incidents, a site's name to its devices. */
export function swimlane(answer, asked) {
  const { columns, end, by } = answer;
  const kept = { level: asked.level, state: asked.state };
  const of = (row) => (by === "site" ? { ...kept, site: row.name, device: asked.device } : { ...kept, site: asked.site, device: `"${row.name}"` });
  return cellTable(answer, {
    label: "Incidents over time",
    caption: `Incidents by ${by} from ${clockIn(columns[0])} to ${clockIn(end)}: the highest level of each cell (H high, M medium, L low) and how many lay in it.`,
    head: (row) => [h("a", { href: link("incidents", { ...of(row), last: asked.last, ...(by === "site" ? { show: "lanes", by: "device" } : {}) }), title: row.name, "data-row": true, "data-key": `lane ${row.name}` }, cut(row.name, narrow() ? 14 : 26)),
      row.open > 0 && h("small", {}, `${count(row.open)} open`)],
    cell: (row, n, from, to, span, i) => {
      const level = row.levels[i], text = `${row.name}, ${span}: ${count(n)} ${n === 1 ? "incident" : "incidents"}, the highest level ${level}`;
      return h("a", { class: `cell ${level}`, href: link("incidents", { ...of(row), from, to }), title: text, "aria-label": text }, level[0].toUpperCase(), h("span", {}, count(n)));
    },
    all: (row) => count(row.incidents),
  });
}
