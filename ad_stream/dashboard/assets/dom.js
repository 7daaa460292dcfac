// Elements from data. Whatever the tables hold becomes text, never markup.
import { cut, narrow } from "./words.js";
import { fromWall, wall, zoneName } from "./zone.js";

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Puts new content in place and keeps the focus on the element with the same data-key. */
export function put(place, ...children) {
  const held = place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  place.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (held !== undefined) place.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

export const option = (value, text, chosen) => h("option", { value, selected: value === chosen }, text);

export function select(label, name, choices, chosen, onchange) {
  const list = choices.map(([value, text]) => option(String(value), text, String(chosen)));
  return h("label", { class: "field" }, h("span", {}, label), h("select", { name, onchange: (event) => onchange(event.target.value) }, list));
}

/** A box for part of a device's name; onchange is called once the typing pauses. */
export function search(chosen, onchange) {
  let typing;
  const box = h("input", { type: "search", value: chosen, placeholder: "part of its name", spellcheck: "false", autocomplete: "off" });
  box.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => onchange(box.value.trim()), 200); });
  return h("label", { class: "field grow" }, h("span", {}, "Device ", h("kbd", {}, "/")), box);
}

/** A time, '2026-11-01T06:30Z' or '', which people read and write in the zone of the page. */
export function time(label, chosen, onchange) {
  const at = chosen && wall(Date.parse(chosen));
  const box = h("input", { type: "datetime-local", value: at ? `${at.date}T${at.seconds.endsWith(":00") ? at.time : at.seconds}` : "" });
  box.addEventListener("change", () => onchange(box.value ? fromWall(box.value) : ""));
  return h("label", { class: "field" }, h("span", {}, `${label} (${zoneName()})`), box);
}

/** A device and signal, cut to what fits, that lead to `href`; the whole names are in the tooltip. */
export function nameLink(row, href, key, room = 34) {
  const most = narrow() ? Math.min(room, 30) : room;
  return h("a", { class: "cover", href, title: `${row.device} ${row.signal}`, "data-row": true, "data-key": key }, h("b", {}, cut(row.device, most)), h("span", {}, cut(row.signal, most)));
}

/** Buttons of which one is pressed. */
export const choices = (label, rows, chosen, onchange) =>
  h("div", { class: "chips", role: "group", "aria-label": label }, rows.map(([value, text]) =>
    h("button", { type: "button", "data-key": `${label} ${value}`, "aria-pressed": String(value === chosen), onclick: () => onchange(value) }, text)));

export const signals = (known, chosen, onchange) =>
  select("Signal", "signal", [["", "all signals"], ...known.map((one) => [one, cut(one)])], chosen, onchange);

/** The sites of the fleet; nothing where devices have none. */
export const siteFilter = (known, chosen, onchange) =>
  known.length > 0 && select("Site", "site", [["", "all sites"], ...known.map((one) => [one, cut(one)])], chosen, onchange);

export function pager(answer, go) {
  const { page, size, total } = answer;
  const first = total ? page * size + 1 : 0;
  const last = Math.min(total, (page + 1) * size);
  const pages = Math.max(1, Math.ceil(total / size));
  const step = (text, to, label) =>
    h("button", { type: "button", "aria-label": label, disabled: to < 0 || to >= pages, "data-key": label, onclick: () => go(to) }, text);
  return h("div", { class: "pager" },
    step("‹", page - 1, "Page before"),
    h("span", {}, `${first.toLocaleString("en")}–${last.toLocaleString("en")} of ${total.toLocaleString("en")}`),
    step("›", page + 1, "Next page"));
}

export const empty = (sentence, hint, ...more) =>
  h("div", { class: "empty" }, h("p", {}, h("b", {}, sentence)), hint && h("p", { class: "soft" }, hint), more);
