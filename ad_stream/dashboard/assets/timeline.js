// Incidents as bars on one axis of time: a bar in each row of a list, or all of a lane in one line.
import { h } from "./dom.js";
import { standing, what, where } from "./incident_words.js";
import { clockIn, cut, grid, link, narrow } from "./words.js";
import { ticks } from "./zone.js";

/** The axis from `first` to `last` (ms): at(iso) is a place in percent. */
export function axis(first, last) {
  const place = (ms) => Math.min(100, Math.max(0, (100 * (ms - first)) / Math.max(1, last - first)));
  const marks = ticks(first, last, narrow() ? 3 : 6);
  return {
    span: (row) => [place(Date.parse(row.started)), row.state === "open" ? 100 : place(Date.parse(row.last ?? row.started) + grid.every * 1000)],
    head: () => h("div", { class: "axis", "aria-hidden": "true" }, marks.places.map((at, i) => positioned(h("span", {}, marks.labels[i].replace("<br>", " ")), place(Date.parse(`${at}Z`))))),
    lines: () => marks.places.map((at) => positioned(h("i", {}), place(Date.parse(`${at}Z`)))),
  };
}

function positioned(element, left) {
  element.style.insetInlineStart = `${left}%`;
  return element;
}

/** A bar; as a link it says its level by a letter, too. */
export function bar(row, scale, linked) {
  const [left, right] = scale.span(row), title = `${row.level}: ${where(row)}, ${what(row)}, ${standing(row)}, since ${clockIn(row.started)}`;
  const element = linked
    ? h("a", { class: `bar ${row.level} ${row.state}`, href: link("incident", { id: row.id }), title, "aria-label": title, "data-key": `bar ${row.id}` }, h("span", {}, right - left > 8 ? row.level : row.level[0].toUpperCase()))
    : h("i", { class: `bar ${row.level} ${row.state}` });
  element.style.inlineSize = `${Math.max(0, right - left)}%`;
  element.style.setProperty("--left", `${left}%`);
  return element;
}

/** Bars by site and device. rows: in the order of the list, which that of the lanes follows. */
export function timeline(rows, scale) {
  const sites = group(rows, (row) => where(row));
  return h("div", { class: "timeline" }, h("div", { class: "lane axis-row" }, h("span", {}), scale.head()),
    [...sites].map(([name, inside]) => h("section", { class: "site-lanes" },
      inside.some((row) => row.site) && h("h3", { title: name }, name, h("small", {}, counted(inside))),
      [...group(inside, (row) => row.device ?? row.kind)].map(([device, bars]) => h("div", { class: "lane" },
        h("span", { class: "name", title: device }, cut(device, narrow() ? 40 : 24)),
        h("div", { class: "track", role: "group", "aria-label": `Incidents of ${device}` }, scale.lines(), levelled(bars, scale)))))));
}

/** Bars that would cover each other go below each other. */
function levelled(rows, scale) {
  const free = [];
  return [...rows].sort((a, b) => Date.parse(a.started) - Date.parse(b.started)).map((row) => {
    const [left, right] = scale.span(row), end = Math.max(right, left + (narrow() ? 8 : 3));
    let line = free.findIndex((until) => until <= left);
    if (line < 0) line = free.length;
    free[line] = end;
    const element = bar(row, scale, true);
    element.style.setProperty("--line", line);
    return element;
  });
}

function group(rows, key) {
  const found = new Map();
  for (const row of rows) found.set(key(row), [...(found.get(key(row)) ?? []), row]);
  return found;
}

function counted(rows) {
  const open = rows.filter((row) => row.state === "open").length;
  return `${rows.length} shown${open ? `, ${open} open` : ""}`;
}
