// The frame: which view is shown, what state the stream is in, when to look again, keys.
import { Refused, ask, listen } from "./api.js";
import { anomalies } from "./anomalies.js";
import { listenTo } from "./bell.js";
import { empty, h, put } from "./dom.js";
import { fleet } from "./fleet.js";
import { incident } from "./incident.js";
import { incidents } from "./incidents.js";
import { jobs } from "./jobs.js";
import { pipeline } from "./pipeline.js";
import { series } from "./series.js";
import { sources } from "./sources.js";
import { clockIn, grid, link, windows } from "./words.js";
import { ownZone, switchZone, told, zoneName } from "./zone.js";

const VIEWS = { fleet, anomalies, pipeline, incidents, jobs, sources, series, incident };
const OFTEN = 700, SELDOM = 20000, PATIENCE = 3000;
const main = document.getElementById("main");
const shared = { state: null, refresh: () => soon(0), go: (hash) => { location.hash = hash; }, keep: (hash) => history.replaceState(null, "", hash) };
let shown = null, connected = true, lostSince = null, timer = null, last = 0, busy = false, again = false;

function route() {
  const [name, query] = location.hash.replace(/^#\//, "").split("?");
  const view = VIEWS[name] || fleet;
  shown?.leave?.();
  shown = view(Object.fromEntries(new URLSearchParams(query)), shared);
  document.querySelectorAll("nav a").forEach((a) => {
    const current = a.dataset.view === (VIEWS[name] ? name : "fleet");
    if (current) a.setAttribute("aria-current", "page"); else a.removeAttribute("aria-current");
  });
  document.title = `${shown.title} · ad_stream`;
  main.replaceChildren(shown.root);
  window.scrollTo(0, 0);
  soon(0);
}

/** Looks again after `wait` ms, but never more often than every OFTEN ms. */
function soon(wait) {
  clearTimeout(timer);
  timer = setTimeout(look, Math.max(wait, busy ? 0 : last + (wait ? OFTEN : 0) - Date.now()));
}

async function look() {
  if (busy) { again = true; return; }
  busy = true;
  last = Date.now();
  try {
    shared.state = await ask("/api/state");
    Object.assign(grid, { every: shared.state.every, lookBack: shared.state.look_back });
    tellState();
    if (shared.state.newest === null && !shown.always) main.replaceChildren(nothingYet(shared.state));
    else {
      if (shown.root.parentNode !== main) main.replaceChildren(shown.root);
      await shown.refresh();
    }
  } catch (error) {
    if (error instanceof Refused) main.replaceChildren(h("section", { class: "card" }, empty(error.message, "", h("p", {}, h("a", { href: "#/fleet" }, "To the fleet")))));
    else if (!(error instanceof TypeError) || connected) console.warn(error.message);
  } finally {
    busy = false;
    timer = setTimeout(look, again ? OFTEN : SELDOM);
    again = false;
  }
}

function tellState() {
  const { state } = shared;
  tellOpen(state?.open_incidents);
  const live = document.getElementById("live"), banner = document.getElementById("banner");
  const kind = connected ? state?.kind ?? "wait" : "lost";
  live.dataset.kind = kind;
  const through = state?.newest ? `through ${clockIn(state.newest)}` : "";
  const words = { live: "live", stopped: "stopped", stalled: `no new ${windows(2)}`, no_rows: "waiting", no_tables: "no tables", trouble: "trouble", lost: "not connected", wait: "connecting" };
  put(document.getElementById("live-text"), h("b", {}, words[kind]), through && h("span", {}, ` ${through}`));
  const lost = { sentence: "The dashboard's server does not answer.", hint: `What is shown is from ${lostSince ? clockIn(lostSince) : "before"}; the page comes back by itself once the server does.`, command: "" };
  const news = kind === "lost" ? lost : state;
  const loading = state && kind !== "lost" && state.loaded < 1 && state.newest;
  banner.hidden = !news || ((kind === "live" || state?.newest === null) && kind !== "lost" && !loading);
  banner.dataset.kind = kind;
  if (banner.hidden) return;
  put(banner,
    kind !== "live" && h("p", {}, h("b", {}, told(news.sentence)), " ", told(news.hint)),
    kind !== "live" && news.command && command(news.command),
    loading && h("p", { class: "soft" }, `Reading the last day: ${Math.round(100 * state.loaded)} %`, h("progress", { max: 1, value: state.loaded, "aria-label": "reading the last day" })));
}

/** How many incidents are open, beside their name. */
function tellOpen(open) {
  const badge = document.getElementById("open");
  badge.hidden = !open?.open;
  badge.className = `badge ${open?.high ? "high" : ""}`;
  badge.textContent = open?.open ?? "";
  badge.title = open?.high ? `${open.open} open, ${open.high} of them high` : `${open?.open} open`;
}

/** The button says the zone that is shown, and what it switches to. */
function tellZone() {
  const button = document.getElementById("zone"), zone = zoneName();
  button.textContent = zone;
  button.title = `Times are in ${zone}; UTC or ${ownZone()} (u)`;
  button.setAttribute("aria-label", `Times are in ${zone}: switch between UTC and ${ownZone()}`);
}

function command(text) {
  const copy = h("button", { type: "button", "data-key": "copy", onclick: async () => { await navigator.clipboard?.writeText(text); copy.textContent = "copied"; } }, "copy");
  return h("p", { class: "command" }, h("code", {}, text), copy);
}

function nothingYet(state) {
  return h("section", { class: "card start" },
    h("img", { src: "/assets/mark.svg", alt: "", width: 56, height: 56 }),
    h("h1", {}, told(state.sentence)), h("p", { class: "soft" }, told(state.hint)), state.command && command(state.command),
    h("p", { class: "soft" }, "Tables: ", h("code", {}, state.tables)));
}

function announce(flagged) {
  const text = `${flagged} new flagged ${windows(flagged)}.`;
  document.getElementById("announce").textContent = text;
}

listen(
  (message) => {
    if (message.flagged) announce(message.flagged);
    listenTo(message).catch((error) => console.warn(error.message));
    soon(1);
  },
  (up) => {
    if (up) { connected = true; lostSince = null; soon(0); return; }
    lostSince ??= new Date().toISOString();
    setTimeout(() => { if (lostSince) { connected = false; tellState(); } }, PATIENCE);
  },
);

function moveRow(step) {
  const rows = [...main.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  1: () => shared.go(link("fleet")), 2: () => shared.go(link("anomalies")), 3: () => shared.go(link("pipeline")), 4: () => shared.go(link("incidents")), 5: () => shared.go(link("jobs")), 6: () => shared.go(link("sources")),
  j: () => moveRow(1), k: () => moveRow(-1), t: () => window.switchTheme(), u: switchZone, "?": () => document.getElementById("keys").showModal(),
  "/": () => {
    const box = main.querySelector("input[type=search]");
    if (box) { box.focus(); box.select(); } else shared.go(link("fleet", { focus: 1 }));
  },
  Escape: () => { if (/^#\/(series|incident|jobs|sources)\?/.test(location.hash)) history.back(); },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const act = shown?.keys?.[event.key] || KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
});
document.getElementById("theme").addEventListener("click", () => window.switchTheme());
document.getElementById("zone").addEventListener("click", switchZone);
document.getElementById("help").addEventListener("click", KEYS["?"]);
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
window.addEventListener("hashchange", route);
window.addEventListener("zone", () => { tellZone(); route(); });
window.addEventListener("theme", () => shown?.repaint?.());
document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(0); });
setInterval(() => { if (shared.state) tellState(); }, 30000);
tellZone();
route();
