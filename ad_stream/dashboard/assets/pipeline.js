// How the stream itself is doing: where it stands, what it did in the last day, what it set aside, what it pushed.
import { ask } from "./api.js";
import { empty, h, put, svg } from "./dom.js";
import { age, clock, clockIn, count, cut, link, stretch } from "./words.js";

const seconds = (milliseconds) => (milliseconds === null || milliseconds === undefined ? "–" : `${(milliseconds / 1000).toFixed(1)} s`);

export function pipeline(asked, shared) {
  const root = h("section", { class: "health" }, h("h1", {}, "Pipeline"));
  const body = h("div", { class: "panels" });
  root.append(body);

  async function refresh() {
    const found = await ask("/api/pipeline");
    const { state } = shared;
    put(body, standing(found, state), lastDay(found), quarantine(found), pushes(found), silent(found), batches(found));
  }

  return { title: "Pipeline", root, refresh };
}

function panel(title, note, ...content) {
  return h("section", { class: /^(Pushes|Silent)/.test(title) ? "card half" : "card" }, h("h2", {}, title), note && h("p", { class: "soft" }, note), content);
}

function facts(rows) {
  return h("dl", { class: "facts" }, rows.filter(Boolean).map(([label, value, kind]) => h("div", { class: kind }, h("dt", {}, label), h("dd", {}, value))));
}

function standing(found, state) {
  const behind = Math.max(0, Math.floor(state.behind_seconds / 60));
  return panel("Where it stands", "", facts([
    ["stream", state.kind === "stopped" ? "stopped" : "running", state.kind === "stopped" ? "bad" : "good"],
    ["last sign of life", clockIn(found.alive)],
    ["judged through", clockIn(state.newest)],
    ["behind the clock", age(behind), state.kind === "stalled" ? "bad" : ""],
    ["watermark (closed until)", clockIn(found.watermark)],
    ["events waiting at the source", found.waiting === null ? "the source does not tell" : count(found.waiting), found.waiting > 0 ? "warn" : ""],
    ["devices", count(state.devices)],
    ["series", count(state.series)],
  ]));
}

function lastDay(found) {
  const { batches: b, progress: p } = found;
  return panel("Last 24 hours", "By the time at which the batches were written.", facts([
    ["events read", count(p.events)], ["windows closed", count(b.minutes_closed)], ["scored", count(b.scored)],
    ["flagged", count(b.anomalies)], ["warming up", count(b.warming_up)], ["not judged", count(b.declined)],
    ["late readings", count(b.late)], ["duplicates removed", count(p.duplicates)],
    ["dropped by the watermark", count(p.dropped_by_watermark), p.dropped_by_watermark ? "warn" : ""],
    ["gone at the source before read", count(p.source_lost), p.source_lost ? "bad" : ""],
    b.fallback_calls > 0 && ["fallback calls, failed", `${count(b.fallback_calls)}, ${count(b.fallback_failed)}`],
  ]));
}

function bars(rows) {
  const most = Math.max(1, ...rows.map(([, value]) => value));
  return h("ul", { class: "bars" }, rows.map(([name, value, help, kind]) => {
    const bar = h("i", {});
    bar.style.inlineSize = `${(100 * value) / most}%`;
    return h("li", { class: kind || null }, h("span", {}, h("code", {}, name), help && h("small", {}, help)), h("b", {}, count(value)), h("span", { class: "rail" }, bar));
  }));
}

function quarantine(found) {
  const rows = found.quarantine.map(({ reason, count: n, meaning }) => [reason, n, meaning]);
  return panel("Quarantine", "What was no reading, by reason, in the last 24 hours.",
    rows.length ? bars(rows) : empty("Nothing was set aside.", "Every message that arrived was a reading."));
}

function pushes(found) {
  const rows = Object.entries(found.pushes.by_target).map(([name, value]) => [name.replaceAll("_", " "), value, "", / (waiting|expired|set_aside)$/.test(name) ? "bad" : ""]);
  return panel("Pushes", "Rows by target and outcome in the last 24 hours.",
    rows.length ? bars(rows) : empty("Nothing was pushed.", "Targets such as Power BI or a webhook are set under push in the run's configuration."),
    found.pushes.thinned > 0 && h("p", { class: "told warn" }, `${count(found.pushes.thinned)} normal rows were left out (thinned) to stay within the target's hourly budget; anomalies went out.`),
    found.pushes.error && h("p", { class: "told bad" }, `Last failure: ${found.pushes.error}`));
}

function silent(found) {
  const rows = found.silent.map((one) => h("li", {},
    h("a", { href: link("fleet", { device: `"${one.device}"` }), "data-row": true, "data-key": one.device, title: one.device }, cut(one.device)), h("span", {}, `since ${clock(one.since)}`)));
  return panel("Silent devices", `More than ${stretch(10)} behind the newest of the fleet; seen in the last day.`,
    rows.length ? h("ul", { class: "silent scroll", tabindex: 0, "aria-label": "Silent devices" }, rows) : empty("No device is silent.", ""),
    found.silent_total > rows.length && h("p", { class: "soft" }, `The first ${rows.length} of ${count(found.silent_total)}; all of them: Fleet, Silent.`));
}

function batches(found) {
  const rows = found.recent;
  if (!rows.length) return panel("Batches", "", empty("No batch has been written yet.", ""));
  const most = Math.max(1, ...rows.map((row) => row.duration_ms ?? 0)), width = 100 / Math.max(rows.length, 20);
  const chart = svg("svg", { class: "durations", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": `Duration of the last ${rows.length} batches, at most ${seconds(most)}` },
    rows.map((row, i) => svg("rect", { x: i * width, width: width * 0.8, y: 30 - (30 * (row.duration_ms ?? 0)) / most, height: (30 * (row.duration_ms ?? 0)) / most }, svg("title", {}, `batch ${row.batch_id}: ${seconds(row.duration_ms)}`))));
  const heads = ["batch", "written", "closed until", "events", "windows", "flagged", "quarantined", "pushed", "push failed", "took"];
  const cells = rows.slice(-12).reverse().map((row) => h("tr", {},
    [row.batch_id, clock(row.at), clock(row.watermark)].map((text, i) => h("td", { "data-label": heads[i] }, String(text))),
    [row.events, row.minutes_closed, row.anomalies, row.quarantined, row.pushed, row.push_waiting].map((value, i) => h("td", { class: "right", "data-label": heads[i + 3] }, value === null ? "–" : count(value))),
    h("td", { class: "right", "data-label": heads[9] }, seconds(row.duration_ms))));
  return h("section", { class: "card whole" }, h("h2", {}, "Batches"), h("p", { class: "soft" }, `Duration of the last ${rows.length}; the longest took ${seconds(most)}.`), chart,
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Batches" }, h("table", { class: "cards" }, h("thead", {}, h("tr", {}, heads.map((text, i) => h("th", { scope: "col", class: i > 2 ? "right" : null }, text)))), h("tbody", {}, cells))));
}
