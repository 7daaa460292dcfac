// Named sources: how far each is, a check with its columns and first readings, and a form that has a range of one judged now.
import { Refused, ask } from "./api.js";
import { empty, h, put, time } from "./dom.js";
import { age, clock, count, cut, isoOf, link, number } from "./words.js";

const QUIET = 10000;
const KINDS = { lands: "good", behind: "warn", away: "bad", "not begun": "warn" };
const DETECTORS = [["s_h_esd", "S-H-ESD, the range as a whole"], ["default", "default, each reading from those before it"]];

export function sources(asked, shared) {
  const root = h("section", { class: "jobs" }, h("h1", {}, "Sources"));
  const list = h("div", {}), looked = h("div", {}), form = h("div", {});
  root.append(list, looked, form);
  let waiting = null, known = null, seen = null;

  async function refresh() {
    known = await ask("/api/sources");
    put(list, known.sources.length ? table() : h("section", { class: "card" }, empty("No source is named.", "The section sources of the run's configuration names databases, services and files (docs/named_sources.md).")));
    if (known.allowed && known.sources.length && !form.firstChild) form.append(detectForm(known.sources, asked.source));
    if (asked.source && seen !== asked.source && known.allowed) await look(asked.source);
    clearTimeout(waiting);
    waiting = setTimeout(() => root.isConnected && shared.refresh(), QUIET);
  }

  function table() {
    const heads = ["source", "kind", "where", "state", "read up to", "lag", "readings an hour", "last error", ""];
    const help = known.allowed ? "" : "This dashboard has no token, so it asks no source: set AD_STREAM_DASHBOARD_TOKEN, or use ad-stream sources check.";
    return card("Named sources", help, heads, known.sources.map((one) => h("tr", {}, h("th", { scope: "row" }, cut(one.name)),
      [one.kind, cut(one.place, 40)].map((text, i) => h("td", { "data-label": heads[i + 1] }, text)),
      h("td", { "data-label": "state" }, h("span", { class: `state-word ${KINDS[one.state] ?? ""}` }, one.state)),
      h("td", { "data-label": "read up to" }, one.position ? clock(one.position) : "–"),
      h("td", { class: "right", "data-label": "lag" }, one.lag === undefined ? "–" : age(one.lag / 60)),
      h("td", { class: "right", "data-label": "readings an hour" }, one.rows_an_hour === undefined ? "–" : count(one.rows_an_hour)),
      h("td", { "data-label": "last error" }, one.error ? `${clock(one.error_at)}: ${one.error}` : "–"),
      h("td", {}, known.allowed && h("button", { type: "button", "aria-label": `Check ${one.name}`, "data-key": `check ${one.name}`, onclick: () => { seen = null; shared.keep(link("sources", { source: one.name })); asked.source = one.name; look(one.name); } }, "check")))));
  }

  async function look(name) {
    seen = name;
    put(looked, h("section", { class: "card" }, h("h2", { tabindex: -1 }, name), h("p", { role: "status" }, "Asking the source…")));
    let found;
    try { found = await ask("/api/sources/look", { source: name }); } catch (error) {
      if (!(error instanceof Refused)) throw error;
      found = { error: error.message, columns: [], rows: [] };
    }
    if (seen !== name) return;
    put(looked, h("section", { class: "card" }, h("h2", { tabindex: -1 }, name),
      found.error ? h("p", { role: "alert", class: "told bad" }, found.error) : h("p", { role: "status" }, "It can be read.")),
      found.columns.length > 0 && card(`Columns of ${name}`, "", ["column", "type"], found.columns.map((one) => h("tr", {}, h("th", { scope: "row" }, cut(one.name)), h("td", { "data-label": "type" }, one.type)))),
      found.rows.length > 0 && card(`First readings of ${name}`, "As the stream takes them.", ["time", "device", "signal", "value"], found.rows.map((one) => h("tr", {},
        h("th", { scope: "row" }, clock(one.time)), h("td", { "data-label": "device" }, cut(one.device ?? "")), h("td", { "data-label": "signal" }, cut(one.signal ?? "")), h("td", { class: "right", "data-label": "value" }, number(one.value))))));
    document.getElementById("announce").textContent = found.error ? "The source cannot be read." : `${name} can be read.`;
  }

  return { title: "Sources", root, refresh, always: true, leave: () => clearTimeout(waiting) };
}

function card(title, help, heads, rows) {
  return h("section", { class: "card" }, h("h2", {}, title), help && h("p", { class: "soft" }, help),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
      h("table", { class: "cards" }, h("thead", {}, h("tr", {}, heads.map((text) => h(text ? "th" : "td", text ? { scope: "col" } : {}, text)))), h("tbody", {}, rows))));
}

/** Source, device, signal, range and options -> the address of /detect, asked and shown. */
function detectForm(known, chosen) {
  const field = (label, box, help) => h("label", { class: "field" }, h("span", {}, label), box, help && h("small", {}, help));
  const input = (name, more = {}) => h("input", { name, maxlength: 200, autocomplete: "off", spellcheck: "false", ...more });
  const choice = (name, rows, picked) => h("select", { name }, rows.map(([value, text]) => h("option", { value, selected: value === picked }, text ?? value)));
  const alert = h("p", { role: "alert" }), shown = h("div", { "aria-live": "polite" });
  const tick = (name) => h("input", { type: "checkbox", name, value: "true" });
  const range = { from: "", to: "" };
  const detector = choice("detector", DETECTORS, "s_h_esd");
  const whole = h("fieldset", {}, h("legend", {}, "Of S-H-ESD"), 
    field("Largest share of outliers", input("max_anoms", { inputmode: "decimal", placeholder: "0.1" })), field("Above the daily maxima", choice("threshold", [["", "none"], ["med_max"], ["p95"], ["p99"]])), field("A season for each two weeks", tick("longterm")));
  detector.addEventListener("change", () => { whole.hidden = detector.value !== "s_h_esd"; whole.disabled = whole.hidden; });
  const form = h("form", { class: "card task", novalidate: true }, h("h2", {}, "Judge a range now"),
    field("Source", choice("source", known.map((one) => [one.name]), chosen)), field("Device", input("device", { required: true })), field("Signal", input("signal"), "empty where the device has one"),
    time("From", "", (value) => { range.from = value; }), time("To", "", (value) => { range.to = value; }),
    field("Detector", detector), field("Direction", choice("direction", [["both"], ["up"], ["down"]])), field("Logarithmic values", tick("log")),
    whole, alert, h("p", { class: "command" }, h("button", { type: "submit" }, "judge")), shown);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const missing = [...form.elements].find((box) => (box.required || box.type === "datetime-local") && !box.value.trim());
    if (missing) { alert.textContent = `${missing.closest("label").firstChild.textContent} is missing.`; missing.focus(); return; }
    const kept = [...Object.entries(range), ...[...new FormData(form)].map(([name, value]) => [name, value.trim()])].filter(([, value]) => value);
    const address = `/detect?${new URLSearchParams(kept)}`;
    alert.textContent = "";
    put(shown, h("p", {}, "Reading and judging…"));
    try {
      const told = await ask("/detect", { ...Object.fromEntries(kept), plot: "true" });
      put(shown, answer(told, address));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      put(shown);
      alert.textContent = error.message;
    }
  });
  return form;
}

function answer(told, address) {
  const alarms = told.alarms.slice(0, 20).map((one) => h("li", {}, `${clock(isoOf(one.first))} to ${clock(isoOf(one.last))}: ${one.flagged} flagged, score ${number(one.score, 3)}`));
  return [h("p", {}, h("b", {}, `${count(told.flagged)} flagged of ${count(told.readings)} readings.`)),
    h("img", { class: "judged", src: `data:image/png;base64,${told.plot}`, alt: `${told.device}: ${told.flagged} flagged of ${told.readings} readings` }),
    alarms.length > 0 && h("ul", {}, alarms), told.alarms.length > 20 && h("p", { class: "soft" }, `and ${told.alarms.length - 20} more`),
    h("div", { class: "chips" }, h("a", { href: `${address}&format=png` }, "picture"), h("a", { href: `${address}&format=json` }, "data")), h("p", { class: "soft" }, h("code", {}, address))];
}
