// One series: its chart, why each window was flagged or not, and its flagged windows.
import { Refused, ask } from "./api.js";
import { besideStrips } from "./beside.js";
import { draw } from "./chart.js";
import { before, compareBox, known } from "./compare.js";
import { empty, h, put, time } from "./dom.js";
import { kindLine } from "./kind.js";
import { jointStrip } from "./joint.js";
import { muting } from "./mute.js";
import { csv, csvName, save } from "./picture.js";
import { FEW, MOST_BELOW, signalList } from "./signals.js";
import { clock, clockIn, count, cut, grid, isoOf, link, number, shift, windows } from "./words.js";
import { told as inZone, zoneName } from "./zone.js";

const RANGES = [[1, "1 h"], [3, "3 h"], [12, "12 h"], [24, "24 h"], [168, "7 d"], [744, "31 d"], [4392, "6 mo"], [8784, "1 y"]];
/** Those of a number of windows that can be looked at. */
const ranges_of = () => { const fit = RANGES.filter(([hours]) => hours * 3600 >= 12 * grid.every && hours * 3600 <= 10080 * grid.every); return fit.length ? fit : RANGES.slice(-1); };
const first_of = (n) => (ranges_of().find(([hours]) => hours * 3600 >= n * grid.every) ?? ranges_of().at(-1))[0];
const MOST_FLAGS = 100;
const QUICK = 180;

export function series(asked, shared) {
  const { device, signal } = asked;
  const view = { hours: Number(asked.hours) || 0, from: asked.from || "", to: asked.to || "", all: asked.all || "", compare: known(asked.compare), below: asked.below ? asked.below.split("\n") : [] };
  const title = h("h1", { title: `${device} ${signal}` }, h("span", {}, cut(device, 60)), " ", h("small", {}, cut(signal, 60)));
  const siblings = signalList(signal, { href: pageOf, onBelow: below, onAll: toggle });
  const mute = muting(device, signal);
  const joint = jointStrip(device, { pageOf, onChoose: (at) => choose(at.replace("T", " ").replace("Z", "")) });
  const beside = besideStrips(device, signal);
  const ranges = h("div", { class: "ranges" });
  const plot = h("div", { class: "plot", role: "img", "aria-label": `Value, expected band and flags of ${device} ${signal}` });
  const caption = h("p", { class: "soft" });
  const others = h("div", { class: "others" });
  const why = h("div", { class: "card why", "aria-live": "polite" });
  const flags = h("div", { class: "card" });
  const files = h("p", { class: "files" });
  const kind = h("div", {});
  const root = h("section", { class: "one" },
    h("p", {}, h("a", { href: link("fleet"), onclick: back }, "‹ back")),
    h("div", { class: "head" }, title, mute.root), siblings.root, ranges,
    h("div", { class: "card" }, plot, h("div", { class: "under" }, caption, files), others),
    joint.root, beside.root,
    h("div", { class: "columns even" }, why, flags), kind);
  let answer = null, minute = asked.minute ? asked.minute.replace("T", " ").replace("Z", "") : null, followed = !minute, turn = 0, told = "", asking = null;

  /** The page of one of the device's signals, over the same stretch of time. */
  function pageOf(name) {
    return link("series", { device, signal: name, hours: view.hours, from: view.from, to: view.to, all: view.all, compare: view.compare, below: [signal, ...view.below].filter((one) => view.below.length && one !== name).join("\n") });
  }

  function back(event) {
    if (history.length > 1) { event.preventDefault(); history.back(); }
  }

  function keep() {
    shared.keep(link("series", { device, signal, hours: view.hours || "", from: view.from, to: view.to, all: view.all, compare: view.compare, below: view.below.join("\n"), minute: followed || !minute ? "" : isoOf(minute) }));
  }

  function range(hours, from = "", to = "") {
    Object.assign(view, { hours, from, to });
    drawRanges();
    keep();
    shared.refresh();
  }

  function drawRanges() {
    const live = !view.from && !view.to;
    put(ranges,
      h("div", { class: "chips", role: "group", "aria-label": "Stretch of time" }, ranges_of().map(([hours, text]) =>
        h("button", { type: "button", "data-key": text, "aria-pressed": String(live && hours === view.hours), onclick: () => range(hours) }, text))),
      time("From", view.from, (value) => set("from", value)), time("To", view.to, (value) => set("to", value)),
      compareBox(view.compare, (value) => { view.compare = value; keep(); shared.refresh(); }),
      !live && h("button", { type: "button", onclick: () => range(view.hours || first_of(QUICK)) }, "follow live"));
  }

  /** The stretch that was drawn over in the chart, rounded outwards to whole windows. */
  function zoom(from, to) {
    const every = grid.every * 1000, at = (text) => Date.parse(`${text.replace(" ", "T")}Z`);
    const [first, last] = [Math.floor(at(from) / every) * every, Math.ceil(at(to) / every) * every];
    if (last - first < every || !answer) return;
    const text = (ms) => `${new Date(ms).toISOString().slice(0, grid.every % 60 ? 19 : 16)}Z`;
    range(view.hours || first_of(QUICK), text(first), text(last));
  }

  function set(key, value) {
    const next = { ...view, [key]: value };
    range(view.hours || first_of(QUICK), next.from, next.to);
  }

  async function refresh() {
    const mine = ++turn;
    if (!view.hours) { view.hours = first_of(shared.state.recent_windows >= QUICK ? QUICK : 60); }
    if (!ranges.childElementCount) drawRanges();
    const found = await ask("/api/series", { device, signal, hours: view.hours, from: view.from, to: view.to });
    if (mine !== turn) return;
    const earlier = await before(found, view.compare);
    if (mine !== turn) return;
    answer = { ...found, before: earlier, range: `${view.hours} ${view.from} ${view.to}` };
    siblings.update(answer.signals, await flagsOf(answer.signals), view.below, Boolean(view.all));
    if (mine !== turn) return;
    put(kind, kindLine(answer.judged_as));
    caption.textContent = `${answer.caption}${earlier?.empty ? `, nothing is stored of ${earlier.name}` : ""}, times in ${zoneName()}. Click a ${windows(1)}, or use ← and →, to read why.`;
    await (asking ??= mute.refresh());
    drawFlags();
    drawFiles();
    if (followed) minute = latest();
    await paint();
    await explain();
    if (answer.signals.length > 1) await joint.refresh(isoOf(answer.times[0]), shift(isoOf(answer.times.at(-1)), 1));
    await beside.refresh(isoOf(answer.times[0]), shift(isoOf(answer.times.at(-1)), 1));
    await drawOthers(mine);
  }

  function toggle() {
    view.all = view.all ? "" : "1";
    keep();
    shared.refresh();
  }

  function below(name) {
    view.below = view.below.includes(name) ? view.below.filter((one) => one !== name) : [...view.below, name].slice(0, MOST_BELOW);
    keep();
    shared.refresh();
  }

  /** Where a device has many signals: their flags of the last day. */
  async function flagsOf(names) {
    if (names.length <= FEW) return new Map();
    const found = await ask("/api/overview", { device: `"${device}"`, size: 200, minutes: Math.min(43200, Math.max(1, Math.floor(grid.lookBack / 60))) });
    return new Map(found.rows.map((row) => [row.signal, row.flags]));
  }

  /** The device's other signals below, over the same stretch of time. */
  async function drawOthers(mine) {
    const names = answer.signals.filter((one) => one !== signal && (view.all || view.below.includes(one))).slice(0, MOST_BELOW);
    if (!names.length) { others.replaceChildren(); return; }
    const found = await Promise.all(names.map((one) => ask("/api/series", { device, signal: one, hours: view.hours, from: view.from, to: view.to })));
    if (mine !== turn) return;
    const places = new Map([...others.children].map((one) => [one.dataset.signal, one]));
    others.replaceChildren(...names.map((one) => places.get(one) ?? h("section", { "data-signal": one }, h("h3", {}, h("a", { href: pageOf(one), title: one }, cut(one))), h("div", { class: "plot low", role: "img", "aria-label": `Value, expected band and flags of ${device} ${one}` }))));
    await Promise.all([...others.children].map((one, i) => draw(one.lastElementChild, { ...found[i], range: answer.range }, minute, (at) => choose(at), zoom)));
  }

  /** The window that is explained without being asked: the latest flag in sight, else the newest window. */
  function latest() {
    const place = answer.flags.findLastIndex(Boolean);
    return answer.times[place >= 0 ? place : answer.value.findLastIndex((value) => value !== null)] ?? null;
  }

  async function paint() {
    if (answer) await draw(plot, answer, minute, (at) => choose(at), zoom);
  }

  function choose(at) {
    if (!at) return;
    minute = at;
    followed = false;
    keep();
    paint();
    explain();
  }

  function step(by) {
    const at = answer?.times.indexOf(minute) ?? -1;
    choose(answer?.times[Math.min(answer.times.length - 1, Math.max(0, at + by))]);
  }

  function stepFlag(by) {
    const places = answer?.flags.flatMap((flag, i) => (flag ? [i] : [])) ?? [];
    const at = answer?.times.indexOf(minute) ?? -1;
    const next = by > 0 ? places.find((place) => place > at) : places.findLast((place) => place < at);
    if (next !== undefined) choose(answer.times[next]);
  }

  async function explain() {
    const wanted = minute, place = answer.times.indexOf(wanted);
    if (!wanted) { put(why, h("h2", {}, "Why"), empty(`No ${windows(1)} in this time has a row.`, "Choose a longer stretch of time.")); return; }
    const version = `${wanted} ${answer.value[place]} ${answer.flags[place]}`;
    if (told === version) return;
    let found;
    try {
      found = await ask("/api/why", { device, signal, minute: isoOf(wanted) });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      found = { verdict: "none", sentence: error.message, facts: [], meaning: "" };
    }
    if (minute !== wanted) return;
    told = version;
    const name = { flagged: "flagged", normal: "not flagged", warming_up: "warming up", declined: "not judged", none: "no row" }[found.verdict];
    put(why,
      h("h2", {}, `Why at ${clockIn(isoOf(wanted))}`, h("span", { class: `pill ${found.verdict}` }, name)),
      h("p", { class: "sentence" }, inZone(found.sentence)),
      found.meaning && h("p", { class: "soft" }, "Reason ", h("code", {}, found.reason), `: ${found.meaning}.`),
      h("dl", { class: "facts" }, found.facts.map(([label, text]) => h("div", {}, h("dt", {}, label), h("dd", {}, inZone(text))))));
  }

  function drawFlags() {
    const places = answer.flags.flatMap((flag, i) => (flag ? [i] : [])).reverse();
    const heads = [`${windows(1)} (${zoneName()})`, "value", "expected band", "why"];
    const rows = places.slice(0, MOST_FLAGS).map((i) => h("tr", {},
      h("td", { "data-label": heads[0] }, h("button", { type: "button", class: "plain", "data-row": true, "data-key": answer.times[i], onclick: () => choose(answer.times[i]) }, clock(isoOf(answer.times[i])))),
      h("td", { class: "right", "data-label": heads[1] }, number(answer.value[i])), h("td", { "data-label": heads[2] }, `${number(answer.lower[i], 4)} to ${number(answer.upper[i], 4)}`), h("td", { "data-label": heads[3] }, answer.why[i] ?? "")));
    put(flags, h("h2", {}, `Flagged ${windows(2)} in sight: ${count(places.length)}`),
      rows.length ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Flagged ${windows(2)}` }, h("table", { class: "cards" }, h("thead", {}, h("tr", {}, heads.map((text, i) => h("th", { scope: "col", class: i === 1 ? "right" : null }, text)))), h("tbody", {}, rows)))
        : empty("Nothing was flagged in this time.", "Hollow circles in the chart lie outside the band and were not flagged; click one to read why."),
      places.length > MOST_FLAGS && h("p", { class: "soft" }, `The newest ${MOST_FLAGS} of them.`));
  }

  function drawFiles() {
    const query = new URLSearchParams({ device, signal, from: isoOf(answer.times[0]), to: shift(isoOf(answer.times.at(-1)), 1) });
    const theme = document.documentElement.dataset.theme === "dark" ? "&theme=dark" : "";
    put(files, h("button", { type: "button", class: "plain", "data-key": "csv", onclick: () => save(csvName(answer.title), csv(answer)) }, "rows (CSV)"),
      h("a", { href: `/picture?${query}${theme}`, target: "_blank", rel: "noopener" }, "picture (PNG)"), h("a", { href: `/report?${query}`, download: "report.html" }, "report (HTML)"));
  }

  return {
    title: `${device} ${signal}`, root, refresh, repaint: paint,
    keys: { ArrowLeft: () => step(-1), ArrowRight: () => step(1), "[": () => stepFlag(-1), "]": () => stepFlag(1) },
  };
}
