// Anomalies as events, newest first, by device, signal and time.
import { ask } from "./api.js";
import { empty, h, nameLink, pager, put, search, signals, siteFilter, time } from "./dom.js";
import { age, ago, band, count, fromTo, link, grid, minutesBetween, number, shift, windows } from "./words.js";

const AROUND = 90;

export function anomalies(asked, shared) {
  const filter = { device: "", site: "", signal: "", from: "", to: "", page: 0, ...asked };
  const bar = h("div", { class: "filters" });
  const list = h("ol", { class: "events" });
  const foot = h("div", {});
  const root = h("section", {}, h("h1", {}, "Anomalies"),
    h("p", { class: "soft lead" }, "A flag and the flags that continue it are one event. They come in by themselves; the last day (of long windows the last 1440) before the newest, and what came since this dashboard runs."),
    bar, h("div", { class: "card" }, list, foot));
  let listed = null, turn = 0;

  function change(key, value) {
    filter[key] = value;
    if (key !== "page") filter.page = 0;
    shared.keep(link("anomalies", { ...filter, page: filter.page || "" }));
    shared.refresh();
  }

  function drawBar() {
    const { signals: known, sites } = shared.state, now = [...known, "", ...sites].join("\n");
    if (now === listed) return;
    listed = now;
    put(bar,
      search(filter.device, (value) => change("device", value)),
      siteFilter(sites, filter.site, (value) => change("site", value)),
      signals(known, filter.signal, (value) => change("signal", value)),
      time("From", filter.from, (value) => change("from", value)), time("To", filter.to, (value) => change("to", value)));
  }

  async function refresh() {
    const mine = ++turn;
    drawBar();
    const answer = await ask("/api/anomalies", filter);
    if (mine !== turn) return;
    put(list, answer.rows.map((event) => eventRow(event, shared.state, true)));
    put(foot,
      !answer.rows.length && empty("No anomaly matches.", "Nothing was flagged there, or the filters leave it out: shorten the device's name, or empty the times."),
      answer.total > answer.size && pager(answer, (page) => change("page", page)),
      answer.dropped > 0 && h("p", { class: "soft" }, `${count(answer.dropped)} older flagged ${windows(2)} are no longer held here; the table detections has them all.`));
  }

  return { title: "Anomalies", root, refresh };
}

/** One event as a row; long: with the expected band and the reason. */
export function eventRow(event, state, long = false) {
  const to = shift(event.last, AROUND), up = event.flag > 0;
  const latest = Date.parse(to) > Date.parse(state.newest);
  const href = link("series", { device: event.device, signal: event.signal, minute: event.worst, ...(latest ? {} : { from: shift(event.first, -AROUND), to }) });
  const lasted = minutesBetween(event.first, event.last) + grid.every / 60;
  return h("li", { class: `event ${event.open ? "open" : ""}` },
    h("span", { class: "arrow", role: "img", "aria-label": up ? "above" : "below" }, up ? "▲" : "▼"),
    nameLink(event, href, `${event.device} ${event.signal} ${event.first}`, long ? 34 : 31),
    h("span", { class: "when" }, event.open && h("small", {}, ago(event.last)), h("time", { datetime: event.first, title: "start of its first and end of its last window" }, fromTo(event.first, shift(event.last, 1)))),
    h("span", { class: "what" },
      h("b", {}, number(event.value)), h("span", {}, `expected ${band(event)}`),
      event.minutes > 1 && h("span", {}, `${event.minutes} flagged in ${age(lasted)}`),
      long && h("span", {}, event.why),
      h("span", {}, `severity ${number(event.severity, 2)}`)));
}
