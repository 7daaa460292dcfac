// A sound and a notification of the browser when an incident opens. Off until the operator switches one on, in this browser.
import { ask } from "./api.js";
import { h } from "./dom.js";
import { leader, what, where } from "./incident_words.js";
import { link } from "./words.js";

const KEYS = { sound: "ad-stream-sound", note: "ad-stream-notify" };
const PITCH = { high: [880, 660, 880], medium: [660, 660], low: [520] };
const MOST = 200, MOST_NOTES = 3;
const on = { sound: stored("sound"), note: stored("note") && allowed() };
let known = null, seen = null, context = null, drawn = () => {};

function stored(name) {
  try { return localStorage.getItem(KEYS[name]) === "on"; } catch { return false; }
}

function allowed() {
  return "Notification" in window && Notification.permission === "granted";
}

function keep(name, value) {
  on[name] = value;
  try { localStorage.setItem(KEYS[name], value ? "on" : "off"); } catch { /* for this page alone */ }
}

/** Browsers let a page sound only after somebody touched it; after a reload the next touch wakes it. */
function wake() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
}
addEventListener("pointerdown", () => on.sound && wake());
addEventListener("keydown", () => on.sound && wake());

function play(level) {
  if (context?.state !== "running") return;
  PITCH[level].forEach((pitch, i) => {
    const at = context.currentTime + 0.22 * i, tone = context.createOscillator(), volume = context.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.25, at + 0.02);
    volume.gain.linearRampToValueAtTime(0, at + 0.2);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.21);
  });
}

function notify(row) {
  try {
    const note = new Notification(`${row.level.toUpperCase()} ${where(row)}`, { body: [leader(row), what(row)].filter(Boolean).join(": "), tag: row.id });
    note.addEventListener("click", () => { focus(); location.hash = link("incident", { id: row.id }); note.close(); });
  } catch { /* phones want a service worker for it; the button says what came of it */ }
}

/** Called with each message of the server, which asks for the open ones only where something changed; not while it still reads. */
export async function listenTo({ incidents, loaded }) {
  if ((!on.sound && !on.note) || incidents === known || loaded < 1) return;
  known = incidents;
  await look();
}

/** What is open now; rings for what was not before. */
async function look() {
  const { rows } = await ask("/api/incidents", { state: "open", size: MOST });
  const fresh = seen === null ? [] : rows.filter((row) => !seen.has(row.id) && !row.acked_by);
  seen = new Set(rows.map((row) => row.id));
  if (!fresh.length) return;
  document.getElementById("announce").textContent = fresh.slice(0, MOST_NOTES).map((row) => `${row.level} incident: ${where(row)}, ${what(row)}.`).join(" ");
  if (on.sound) play(fresh[0].level);
  if (on.note) fresh.slice(0, MOST_NOTES).forEach(notify);
}

async function toggle(name) {
  let value = !on[name];
  if (name === "sound" && value) { wake(); setTimeout(() => play("low"), 100); }
  if (name === "note" && value) value = (await Notification.requestPermission()) === "granted";
  keep(name, value);
  drawn();
  seen = null;
  if (value) await look();
}

/** The switches. A browser without notifications, or a page without TLS beyond this machine, has none. */
export function bellButtons() {
  const place = h("div", { class: "chips", role: "group", "aria-label": "When an incident opens" });
  drawn = () => place.replaceChildren(
    button("sound", "sound", "A sound when an incident opens, while this page is open"),
    ...("Notification" in window ? [button("note", "notification", Notification.permission === "denied" ? "This browser refuses notifications of this page: allow them in its settings" : "A notification of the browser when an incident opens, while this page is open")] : []));
  drawn();
  return place;
}

const button = (name, text, title) =>
  h("button", { type: "button", title, "data-key": `bell ${name}`, disabled: name === "note" && Notification.permission === "denied", "aria-pressed": String(on[name]), onclick: () => toggle(name) }, `${text} ${on[name] ? "on" : "off"}`);
