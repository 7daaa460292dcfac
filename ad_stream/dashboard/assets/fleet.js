// The fleet: how many series are in which state, the worst first, and the latest anomalies beside them.
import { ask } from "./api.js";
import { empty, h, pager, put, search, select, signals } from "./dom.js";
import { eventRow } from "./anomalies.js";
import { gauge, spark } from "./spark.js";
import { ago, band, clock, cut, count, grid, link, number, stretch } from "./words.js";

const SPANS = [[15, "15 minutes"], [60, "1 hour"], [360, "6 hours"], [1440, "24 hours"], [10080, "7 days"], [43200, "30 days"]];
/** Those that hold a window and are held in memory. */
const spans = () => SPANS.filter(([minutes]) => minutes * 60 >= grid.every && minutes * 60 <= grid.lookBack);
/** The first that holds a day of hours' number of windows. */
const usual = () => String((spans().find(([minutes]) => minutes * 60 >= 24 * grid.every) ?? spans().at(-1))[0]);
const ORDERS = [["worst", "worst first"], ["latest", "latest flag first"], ["flags", "most flags first"], ["name", "by name"]];
const STATES = [
  ["all", "Series", () => "all that were seen in the last day"], ["flagged", "Flagged", () => "with a flag in the chosen time"],
  ["silent", "Silent", () => `whose device is more than ${stretch(10)} behind the newest of the fleet`],
  ["warming_up", "Warming up", () => "with too few values to be judged yet"],
  ["declined", "Not judged", () => "whose last window could not be judged"],
];

export function fleet(asked, shared) {
  const filter = { device: "", signal: "", state: "all", order: "worst", minutes: "", page: 0, ...asked };
  delete filter.focus;
  const tiles = h("div", { class: "tiles", role: "group", "aria-label": "Series by state" });
  const bar = h("div", { class: "filters" });
  const body = h("tbody", {});
  const foot = h("div", {});
  const feed = h("ol", { class: "events compact" });
  const heads = [["Series"], ["Last 60 windows", "wide"], ["Value", "right"], ["Expected band", "mid"], ["Flags", "right"], ["Severity", "mid"], ["State"]];
  const table = h("table", { class: "series" },
    h("caption", { class: "unseen" }, "Series of the fleet"),
    h("thead", {}, h("tr", {}, heads.map(([text, kind]) => h("th", { scope: "col", class: kind }, text)))), body);
  const nothing = h("div", {});
  const root = h("section", { class: "fleet" }, h("h1", { class: "unseen" }, "Fleet"), tiles, bar,
    h("div", { class: "columns" },
      h("div", { class: "card list" }, table, nothing, foot),
      h("aside", { class: "card", "aria-label": "Latest anomalies" },
        h("h2", {}, "Latest anomalies", h("a", { href: link("anomalies") }, "all")), feed)));
  let listed = "", turn = 0;

  function change(key, value) {
    filter[key] = value;
    if (key !== "page") filter.page = 0;
    shared.keep(link("fleet", { ...filter, page: filter.page || "" }));
    shared.refresh();
  }

  function drawBar() {
    const known = shared.state.signals;
    filter.minutes ||= usual();
    if (listed === known.join("\n") && bar.childElementCount) return;
    listed = known.join("\n");
    put(bar,
      search(filter.device, (value) => change("device", value)),
      signals(known, filter.signal, (value) => change("signal", value)),
      select("Flags of the last", "minutes", spans(), filter.minutes, (value) => change("minutes", value)),
      select("Order", "order", ORDERS, filter.order, (value) => change("order", value)));
    if (asked.focus) bar.querySelector("input").focus();
  }

  function drawTiles(counts) {
    put(tiles, STATES.map(([state, name, help]) =>
      h("button", { type: "button", class: `tile is-${state} ${counts[state] ? "some" : ""}`, title: `Series ${help()}`, "aria-pressed": String(filter.state === state), "data-key": `tile-${state}`, onclick: () => change("state", state) },
        h("b", {}, count(counts[state])), h("span", {}, state === "flagged" ? `${name}, last ${SPANS.find(([minutes]) => String(minutes) === String(filter.minutes))?.[1] ?? `${filter.minutes} minutes`}` : name))));
  }

  async function refresh() {
    const mine = ++turn;
    drawBar();
    const [answer, events] = await Promise.all([
      ask("/api/overview", { ...filter, size: 25 }),
      ask("/api/anomalies", { device: filter.device, signal: filter.signal, size: 12 }),
    ]);
    if (mine !== turn) return;
    const pages = Math.ceil(answer.total / answer.size);
    if (filter.page > 0 && filter.page >= pages) { change("page", Math.max(0, pages - 1)); return; }
    drawTiles(answer.counts);
    put(body, answer.rows.map(line));
    table.hidden = !answer.rows.length;
    put(nothing, !answer.rows.length && none(filter, () => { Object.assign(filter, { device: "", signal: "", state: "all" }); listed = ""; put(bar); change("page", 0); }));
    put(foot, answer.total > answer.size && pager(answer, (page) => change("page", page)));
    put(feed, events.rows.length ? events.rows.map((event) => eventRow(event, shared.state)) : h("li", { class: "soft" }, "Nothing was flagged in the last day."));
  }

  return { title: "Fleet", root, refresh };
}

function none(filter, clear) {
  const asked = [filter.device && `“${filter.device}”`, filter.signal, filter.state !== "all" && filter.state.replace("_", " ")].filter(Boolean).join(", ");
  const calm = filter.state === "flagged" && !filter.device && !filter.signal;
  return empty(calm ? "Nothing was flagged in this time." : `No series matches ${asked}.`, calm ? "Choose a longer time, or look at all series." : "Part of a device's name is enough; case does not matter.",
    h("p", {}, h("button", { type: "button", onclick: clear }, "Show all series")));
}

function line(row) {
  const name = `${row.device} ${row.signal}`;
  const shown = row.silent ? "silent" : row.flag ? "flagged" : row.status === "scored" ? "normal" : row.status;
  const words = { silent: `silent since ${clock(row.minute)}`, flagged: "flagged", normal: "normal", warming_up: "warming up", declined: "not judged" }[shown];
  return h("tr", { class: shown },
    h("th", { scope: "row" }, h("a", { class: "cover", href: link("series", { device: row.device, signal: row.signal }), "data-row": true, "data-key": name }, h("b", { title: row.device }, cut(row.device)), h("span", { title: row.signal }, cut(row.signal)))),
    h("td", { class: "wide" }, spark(row.spark, row.marks)),
    h("td", { class: "right", "data-label": "value" }, number(row.value)),
    h("td", { class: "mid band", "data-label": "band" }, gauge(row), h("span", {}, band(row))),
    h("td", { class: "right", "data-label": "flags" }, row.flags ? count(row.flags) : "", row.flags > 0 && h("small", {}, ago(row.flagged))),
    h("td", { class: "mid" }, row.flags > 0 && severity(row.severity)),
    h("td", { class: "state" }, h("span", { class: `pill ${shown}`, title: row.why }, words)));
}

export function severity(value) {
  const meter = h("span", { class: "meter", role: "img", "aria-label": `severity ${number(value, 2)} of 1` }, h("i", {}));
  meter.firstChild.style.inlineSize = `${Math.max(4, 100 * Math.min(1, value ?? 0))}%`;
  return h("span", { class: "severity" }, meter, h("span", {}, number(value, 2)));
}
