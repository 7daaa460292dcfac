// Incidents, those that are open first: as a list, as bars over time, as a swimlane of sites, and as questions to answer.
import { ask } from "./api.js";
import { bellButtons } from "./bell.js";
import { choices, empty, h, pager, put, search, select, siteFilter, time } from "./dom.js";
import { inbox } from "./inbox.js";
import { leader, standing, what, where } from "./incident_words.js";
import { swimlane } from "./lanes.js";
import { levelPill } from "./rows.js";
import { axis, bar, timeline } from "./timeline.js";
import { ago, clockIn, count, cut, fromTo, grid, link, narrow, shift } from "./words.js";

const SPANS = [[6, "6 hours"], [24, "24 hours"], [168, "7 days"], [744, "31 days"], ["all", "all that are held"]];
const LEVELS = [["", "all levels"], ["medium", "medium and high"], ["high", "high"]];
const SHOWN = [["", "List"], ["time", "Timeline"], ["lanes", "Swimlane"], ["inbox", "Inbox"]];
const USUAL = "24";
const NOTES = {
  "": "Open ones first, the highest level first; the address of this page is a link to what it shows.",
  time: "The first 200 of the list as bars; one that is open reaches the right edge.",
  lanes: "Counted back from the newest window, whatever From and To say.",
  inbox: "Answers that tell most about the settings; nothing changes by itself.",
};
const HOUR = 3600000;

export function incidents(asked, shared) {
  const filter = { state: "", level: "", device: "", site: "", last: "", from: "", to: "", show: "", by: "", page: 0, ...asked };
  const tiles = h("div", { class: "tiles", role: "group", "aria-label": "Incidents by state" });
  const filters = h("div", { class: "filters" }), views = h("div", { class: "views" });
  const list = h("div", { class: "card list" }), foot = h("div", {});
  const root = h("section", { class: "incidents" }, h("h1", { class: "unseen" }, "Incidents"), tiles, filters, views, list, foot);
  const questions = inbox(shared);
  let listed = null, turn = 0;

  function change(key, value) {
    filter[key] = value;
    if (key !== "page") filter.page = 0;
    if (key === "last") Object.assign(filter, { from: "", to: "" });
    if (["last", "from", "to"].includes(key)) listed = null;
    shared.keep(link("incidents", { ...filter, page: filter.page || "" }));
    shared.refresh();
  }

  /** What the server is asked for: the chosen stretch as times. */
  function question() {
    const { from, to, last, show, by, page, ...rest } = filter;
    const back = from || to || last === "all" ? from : shift(shared.state.newest, 0 - Math.round((Number(last || USUAL) * HOUR) / (grid.every * 1000)));
    return { ...rest, from: back, to, page, size: show === "time" ? 200 : 25 };
  }

  function drawBar(sites) {
    const now = sites.join("\n");
    if (now === listed) return;
    listed = now;
    put(filters,
      search(filter.device, (value) => change("device", value)),
      siteFilter(sites, filter.site, (value) => change("site", value)),
      select("Level", "level", LEVELS, filter.level, (value) => change("level", value)),
      select("Of the last", "last", [...SPANS, ...(filter.from || filter.to ? [["", "chosen times"]] : [])], filter.from || filter.to ? "" : filter.last || USUAL, (value) => change("last", value)),
      time("From", filter.from, (value) => change("from", value)), time("To", filter.to, (value) => change("to", value)));
  }

  function drawTiles({ counts }) {
    const levels = [...["high", "medium", "low"].map((level) => [counts[level], level]), [counts.acked, "acknowledged"]].filter(([n]) => n).map(([n, name]) => `${count(n)} ${name}`).join(", ");
    const rows = [["", "all", "Incidents", "of the chosen time"], ["open", "open", "Open", levels || "none"], ["closed", "closed", "Closed", "of the chosen time"],
      counts.withdrawn > 0 && ["withdrawn", "withdrawn", "Withdrawn", "by a backfill"]];
    put(tiles, rows.filter(Boolean).map(([state, key, name, note]) =>
      h("button", { type: "button", class: `tile is-${key} ${counts[key] ? "some" : ""}`, "aria-pressed": String(filter.state === state), "data-key": `tile-${key}`, onclick: () => change("state", state) },
        h("b", {}, count(counts[key])), h("span", {}, name, note && h("small", {}, note)))));
  }

  function drawViews(sites) {
    const rows = rowsOf(sites);
    put(views, choices("Show", SHOWN, filter.show, (value) => change("show", value)),
      filter.show === "lanes" && sites.length > 0 && choices("Rows", [["site", "by site"], ["device", "by device"]], rows, (value) => change("by", value)),
      bellButtons(),
      h("p", { class: "soft" }, NOTES[filter.show] ?? NOTES[""]));
  }

  const rowsOf = (sites) => filter.by || (sites.length && !filter.site ? "site" : "device");

  /** What is shown in place of the list, where something is. */
  async function other(sites) {
    if (filter.show === "inbox") return questions.refresh();
    const { from, to, page, ...rest } = question();
    const hours = filter.last === "all" ? 744 : Number(filter.last || USUAL);
    return ask("/api/lanes", { ...rest, page, minutes: Math.max(60 * hours, grid.every / 60), size: 25, by: rowsOf(sites) });
  }

  function scaleOf(answer, wanted) {
    const starts = answer.rows.map((row) => Date.parse(row.started));
    const end = wanted.to ? Date.parse(wanted.to) : Date.parse(shared.state.newest) + grid.every * 1000;
    return axis(wanted.from ? Date.parse(wanted.from) : Math.min(...starts, end - HOUR), end);
  }

  function drawList(answer, wanted) {
    const pages = Math.ceil(answer.total / answer.size);
    if (filter.page > 0 && filter.page >= pages) { change("page", Math.max(0, pages - 1)); return; }
    const scale = scaleOf(answer, wanted);
    put(list, !answer.rows.length ? none(answer)
      : filter.show === "time" ? timeline(answer.rows, scale)
        : [h("div", { class: "incident axis-row" }, h("span", {}), scale.head(), h("span", {})), h("ol", { class: "plain-list" }, answer.rows.map((row) => incidentRow(row, scale)))]);
    put(foot, answer.total > answer.size && pager(answer, (page) => change("page", page)),
      answer.dropped > 0 && h("p", { class: "soft" }, `${count(answer.dropped)} older incidents are no longer held here; the table incident_events has them all.`));
  }

  function drawInbox() {
    put(foot);
    if (list.firstChild !== questions.root) put(list, questions.root);  // who types in it goes on typing
  }

  function drawLanes(lanes, answer) {
    const place = list.querySelector(".scroll")?.scrollLeft;
    put(list, lanes.rows.length ? swimlane(lanes, filter) : none(answer));
    const scroll = list.querySelector(".scroll");
    if (scroll) scroll.scrollLeft = place ?? scroll.scrollWidth;  // at first the newest, where there is no room for all
    put(foot, lanes.total > lanes.size && pager(lanes, (page) => change("page", page)));
  }

  function none(answer) {
    if (!answer.held) return empty("There is no incident.", "The stream finds them once its configuration says incidents: {enabled: true}, from its next start on.");
    return empty("No incident matches.", "Choose a longer time or another state, or shorten the device's name.", h("p", {}, h("button", { type: "button", onclick: clear }, "Show all incidents")));
  }

  function clear() {
    Object.assign(filter, { state: "", level: "", device: "", site: "", from: "", to: "" });
    listed = null;
    change("last", "all");
  }

  async function refresh() {
    const mine = ++turn, wanted = question();
    const answer = await ask("/api/incidents", wanted);
    const instead = ["lanes", "inbox"].includes(filter.show) ? await other(answer.sites) : null;
    if (mine !== turn) return;
    filters.hidden = filter.show === "inbox";
    drawBar(answer.sites);
    drawTiles(answer);
    drawViews(answer.sites);
    if (filter.show === "inbox") drawInbox();
    else if (instead) drawLanes(instead, answer);
    else drawList(answer, wanted);
  }

  return { title: "Incidents", root, refresh };
}

function incidentRow(row, scale) {
  const room = narrow() ? 30 : 40, end = row.state === "open" ? h("small", {}, ago(row.started)) : null;
  return h("li", { class: `incident ${row.state}` },
    levelPill(row.level),
    h("a", { class: "cover", href: link("incident", { id: row.id }), "data-row": true, "data-key": row.id, title: `${where(row)} ${leader(row)}` },
      h("b", {}, cut(where(row), room)), h("span", {}, cut(leader(row), room)), h("span", { class: "what" }, what(row))),
    h("div", { class: "track", "aria-hidden": "true" }, scale.lines(), bar(row, scale)),
    h("span", { class: "when" },
      h("time", { datetime: row.started }, row.state === "open" ? `since ${clockIn(row.started)}` : fromTo(row.started, shift(row.last ?? row.started, 1))), end,
      h("span", { class: `pill ${row.state === "open" ? (row.acked_by ? "muted" : "flagged") : ""}` }, cut(standing(row), 34)),
      row.label && h("span", { class: "pill" }, `label ${row.label}`)));
}
