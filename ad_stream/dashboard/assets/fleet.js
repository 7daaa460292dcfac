// The fleet: how many series are in which state; the series, the sites or a heat map, worst first; the latest anomalies.
import { ask } from "./api.js";
import { choices, empty, h, pager, put, search, select, signals, siteFilter } from "./dom.js";
import { eventRow } from "./anomalies.js";
import { heatMap } from "./heat.js";
import { seriesTable } from "./rows.js";
import { siteTable } from "./sites.js";
import { clockIn, count, grid, link, stretch, windows } from "./words.js";

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
  const filter = { device: "", site: "", signal: "", state: "all", order: "worst", minutes: "", show: "", by: "", page: 0, ...asked };
  delete filter.focus;
  const tiles = h("div", { class: "tiles", role: "group", "aria-label": "Series by state" });
  const bar = h("div", { class: "filters" });
  const views = h("div", { class: "views" });
  const list = h("div", {});
  const foot = h("div", {});
  const feed = h("ol", { class: "events compact" });
  const columns = h("div", { class: "columns" },
    h("div", { class: "card list" }, list, foot),
    h("aside", { class: "card", "aria-label": "Latest anomalies" },
      h("h2", {}, "Latest anomalies", h("a", { href: link("anomalies", { site: filter.site }) }, "all")), feed));
  const root = h("section", { class: "fleet" }, h("h1", { class: "unseen" }, "Fleet"), tiles, bar, views, columns);
  let listed = "", turn = 0;

  function change(key, value) {
    filter[key] = value;
    if (key !== "page") filter.page = 0;
    shared.keep(link("fleet", { ...filter, page: filter.page || "" }));
    shared.refresh();
  }

  function drawBar() {
    const { signals: known, sites } = shared.state, now = [...known, "", ...sites].join("\n");
    filter.minutes ||= usual();
    drawViews(sites);
    if (listed === now && bar.childElementCount) return;
    listed = now;
    put(bar,
      search(filter.device, (value) => change("device", value)),
      siteFilter(sites, filter.site, (value) => change("site", value)),
      signals(known, filter.signal, (value) => change("signal", value)),
      select("Flags of the last", "minutes", spans(), filter.minutes, (value) => change("minutes", value)),
      select("Order", "order", ORDERS, filter.order, (value) => change("order", value)));
    if (asked.focus) bar.querySelector("input").focus();
  }

  function drawViews(sites) {
    const rows = filter.by || (sites.length && !filter.site ? "site" : "device");
    put(views,
      choices("Show", [["", "List"], sites.length > 0 && ["sites", "Sites"], ["heat", "Heat map"]].filter(Boolean), filter.show, (value) => change("show", value)),
      filter.show === "heat" && sites.length > 0 && choices("Rows", [["site", "by site"], ["device", "by device"]], rows, (value) => change("by", value)),
      h("p", { class: "soft" }, `Flags are counted back from the newest judged ${windows(1)}, ${clockIn(shared.state.newest)}.`));
    return rows;
  }

  function drawTiles(counts) {
    put(tiles, STATES.map(([state, name, help]) =>
      h("button", { type: "button", class: `tile is-${state} ${counts[state] ? "some" : ""}`, title: `Series ${help()}`, "aria-pressed": String(filter.state === state), "data-key": `tile-${state}`, onclick: () => { filter.show = ""; change("state", state); } },
        h("b", {}, count(counts[state])), h("span", {}, state === "flagged" ? `${name}, last ${SPANS.find(([minutes]) => String(minutes) === String(filter.minutes))?.[1] ?? `${filter.minutes} minutes`}` : name))));
  }

  /** The list that is shown instead of the series, where one is. */
  async function grouped() {
    const { device, site, signal, minutes, page } = filter;
    if (filter.show === "sites" && shared.state.sites.length) return ask("/api/sites", { device, site, signal, minutes, page });
    if (filter.show === "heat") return ask("/api/heat", { device, site, signal, minutes, page, by: drawViews(shared.state.sites) });
    return null;
  }

  function drawList(answer, groups) {
    const shown = groups ?? answer, pages = Math.ceil(shown.total / shown.size);
    if (filter.page > 0 && filter.page >= pages) { change("page", Math.max(0, pages - 1)); return; }
    columns.classList.toggle("alone", Boolean(groups));
    const table = !groups ? seriesTable : filter.show === "heat" ? () => heatMap(groups, filter) : () => siteTable(groups.rows, filter);
    const places = [...list.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    put(list, shown.rows.length ? table(answer.rows) : none(filter, clear));
    list.querySelectorAll(".scroll").forEach((one, i) => { one.scrollLeft = places[i] ?? 0; });
    put(foot, shown.total > shown.size && pager(shown, (page) => change("page", page)));
  }

  function clear() {
    Object.assign(filter, { device: "", site: "", signal: "", state: "all" });
    listed = "";
    put(bar);
    change("page", 0);
  }

  async function refresh() {
    const mine = ++turn;
    drawBar();
    const [answer, events, groups] = await Promise.all([
      ask("/api/overview", { ...filter, page: filter.show ? 0 : filter.page, size: 25 }),
      ask("/api/anomalies", { device: filter.device, site: filter.site, signal: filter.signal, size: 12 }),
      grouped(),
    ]);
    if (mine !== turn) return;
    drawTiles(answer.counts);
    drawList(answer, groups);
    put(feed, events.rows.length ? events.rows.map((event) => eventRow(event, shared.state)) : h("li", { class: "soft" }, "Nothing was flagged in the last day."));
  }

  return { title: "Fleet", root, refresh };
}

function none(filter, clear) {
  const asked = [filter.device && `“${filter.device}”`, filter.site, filter.signal, filter.state !== "all" && filter.state.replace("_", " ")].filter(Boolean).join(", ");
  const calm = filter.state === "flagged" && !filter.device && !filter.site && !filter.signal;
  return empty(calm ? "Nothing was flagged in this time." : `No series matches ${asked}.`, calm ? "Choose a longer time, or look at all series." : "Part of a device's name is enough, in any case; in double quotes it is the whole name.",
    h("p", {}, h("button", { type: "button", onclick: clear }, "Show all series")));
}
