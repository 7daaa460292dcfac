// The fleet over time: a row per site or device, a cell per stretch of time, darker the more of its windows were flagged.
import { h } from "./dom.js";
import { clock, clockIn, count, cut, fromTo, link, narrow, windows } from "./words.js";
import { zoneName } from "./zone.js";

/** asked: the fleet's filter. A cell leads to the anomalies of its row and span, a site's name to its devices. */
export function heatMap(answer, asked) {
  const { columns, end, by, most } = answer;
  return cellTable(answer, {
    label: `Flagged ${windows(2)} over time`,
    caption: `Flagged ${windows(2)} by ${by} from ${clockIn(columns[0])} to ${clockIn(end)}. A cell leads to what was flagged in it.`,
    head: (row) => name(row, by, asked),
    cell: (row, n, from, to, span) => cell(n, most, `${row.name}, ${span}: ${count(n)} flagged ${windows(n)}`, link("anomalies", { ...of(row, by, asked), signal: asked.signal, from, to })),
    all: (row) => (row.flags ? count(row.flags) : ""),
  });
}

/** Rows of counts over time. cell(row, n, from, to, the span in words, its place): what stands in one that is not empty. */
export function cellTable({ columns, end, rows, by }, { label, caption, head, cell: drawn, all }) {
  const until = (i) => columns[i + 1] ?? end;
  const every = Math.max(1, Math.ceil(columns.length / (narrow() ? 4 : 8)));
  const heads = columns.map((at, i) => h("th", { scope: "col", title: `${clock(at)} to ${clock(until(i))}` }, i % every === 0 && i < columns.length - 1 ? clock(at).slice(-5) : h("span", { class: "unseen" }, clock(at))));
  const span = (i) => `${fromTo(columns[i], until(i))} ${zoneName(Date.parse(columns[i]))}`;
  return h("div", { class: "scroll heat", tabindex: 0, role: "region", "aria-label": label },
    h("table", {}, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, by === "site" ? "Site" : "Device"), heads, h("th", { scope: "col", class: "right" }, "all"))),
      h("tbody", {}, rows.map((row) => h("tr", { class: row.silent ? "silent" : null },
        h("th", { scope: "row" }, head(row)),
        row.cells.map((n, i) => h("td", {}, n > 0 && drawn(row, n, columns[i], until(i), span(i), i))),
        h("td", { class: "right" }, all(row)))))));
}

function of(row, by, asked) {
  return by === "site" ? { site: row.name, device: asked.device } : { device: `"${row.name}"`, site: asked.site };
}

function name(row, by, asked) {
  const href = link("fleet", { ...of(row, by, asked), signal: asked.signal, minutes: asked.minutes, show: by === "site" ? "heat" : "" });
  return [h("a", { href, title: row.name, "data-row": true, "data-key": `heat ${row.name}` }, cut(row.name, narrow() ? 14 : 26)),
    row.silent && h("small", {}, `silent since ${clock(row.silent)}`), row.silent_devices > 0 && h("small", {}, `${count(row.silent_devices)} silent`)];
}

function cell(n, most, text, href) {
  const link = h("a", { href, title: text, "aria-label": text }, n);
  // A single flag has to be seen beside hundreds, so the shade grows with the root.
  link.style.setProperty("--share", `${Math.round(12 + 43 * Math.sqrt(n / most))}%`);
  return link;
}
