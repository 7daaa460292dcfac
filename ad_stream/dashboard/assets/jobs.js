// The job centre: jobs with their next and last run, the runs of one, its log as it grows, models and the one that is used.
import { Refused, ask, change } from "./api.js";
import { empty, h, put } from "./dom.js";
import { keepOwner, owner } from "./owner.js";
import { tasks } from "./tasks.js";
import { clock, clockIn, count, cut, link } from "./words.js";

const BUSY = 1000, QUIET = 5000, TAIL = -65536;
const RIGHT = ["took", "CPU", "attempt", "learned"];
const KINDS = { succeeded: "good", failed: "bad", missed: "warn", cancelled: "warn", running: "now", queued: "now" };
const state = (name) => h("span", { class: `state-word ${KINDS[name] ?? ""}` }, name ?? "not yet");
const took = (seconds) => (seconds === null || seconds === undefined ? "–" : seconds < 120 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`);
/** A time to come, with its year where that is not near. */
const ahead = (iso) => (Date.parse(iso) - Date.now() > 3e10 ? `${iso.slice(0, 4)}-${clock(iso)}` : clock(iso));

export function jobs(asked, shared) {
  const root = h("section", { class: "jobs" }, h("h1", {}, "Jobs"));
  const told = h("p", { role: "alert" }), note = h("div", {}), list = h("div", {}), chosen = h("div", {}), models = h("div", {});
  const who = h("input", { value: owner(), maxlength: 100, autocomplete: "name", required: true });
  const name = h("label", { class: "field" }, h("span", {}, "Your name, for what you do to a job"), who);
  const log = logOf(asked.run);
  const sets = tasks(() => (who.reportValidity() ? who.value.trim() : ""), (done, wrong = "") => {
    told.textContent = wrong;
    document.getElementById("announce").textContent = done;
    shared.refresh();
  });
  root.append(name, told, note, list, chosen, ...(asked.run ? [log.root] : []), sets.root, models);
  let waiting = null;

  async function refresh() {
    const [found, runs] = await Promise.all([ask("/api/jobs"), asked.job ? ask("/api/runs", { job: asked.job }).catch(() => null) : null]);
    name.hidden = !found.allowed;
    put(note, standing(found));
    put(list, found.jobs.length > 0 && jobTable(found));
    const one = found.jobs.find((job) => job.job === asked.job);
    if (one) put(chosen, runTable(one, runs?.rows ?? [], found.allowed));
    else if (asked.job) put(chosen, h("section", { class: "card" }, empty(`There is no job ${asked.job}.`, "The section schedules of the configuration has others.")));
    await sets.refresh();
    if (asked.run) await log.read();
    put(models, found.models.length > 0 && modelTable(found));
    clearTimeout(waiting);
    waiting = setTimeout(() => root.isConnected && shared.refresh(), found.jobs.some((job) => job.running) ? BUSY : QUIET);
  }

  function standing(found) {
    if (!found.jobs.length) return h("section", { class: "card" }, empty("No job is set up.", "The section schedules of the run's configuration names them (docs/schedules.md)."));
    return !found.lives && h("p", { class: "told warn" }, "No scheduler runs over these tables, so nothing starts by itself: ", h("code", {}, found.command));
  }

  const act = (text, label, action, off) => h("button", { type: "button", "aria-label": label, "data-key": label, disabled: off, onclick: action }, text);

  function jobTable(found) {
    const heads = ["job", "runs", "when", "next", "last run", "state", "took", ""];
    const rows = found.jobs.map((job) => h("tr", {},
      h("th", { scope: "row" }, h("a", { href: link("jobs", { job: job.job }), "data-row": true, "data-key": `job ${job.job}`, "aria-current": job.job === asked.job ? "true" : null }, cut(job.job))),
      [[job.command, job.model].filter(Boolean).join(" "), job.when, job.paused ? `paused by ${job.paused.by || "somebody"}` : job.next ? ahead(job.next) : "never again", job.last ? clock(job.last.planned) : "–"]
        .map((text, i) => h("td", { "data-label": heads[i + 1] }, text)),
      h("td", { "data-label": "state" }, state(job.last?.state)), h("td", { class: "right", "data-label": "took" }, took(job.last?.seconds)),
      h("td", {}, found.allowed && h("div", { class: "chips" },
        act("run now", `Run ${job.job} now`, () => write({ action: "run", job: job.job }), !found.lives),
        job.paused ? act("resume", `Resume ${job.job}`, () => write({ action: "resume", job: job.job })) : act("pause", `Pause ${job.job}`, () => write({ action: "pause", job: job.job })),
        job.running && act("cancel", `Cancel the run of ${job.job}`, () => write({ action: "cancel", job: job.job, run: job.running })))),
    ));
    const help = found.allowed ? "" : "This dashboard has no token, so it cannot know who may run, pause or cancel: set AD_STREAM_DASHBOARD_TOKEN, or use ad-stream jobs.";
    return card("Jobs", help, heads, rows);
  }

  function runTable(job, rows) {
    const heads = ["planned", "state", "started", "took", "CPU", "attempt", "what came of it"];
    if (!rows.length) return h("section", { class: "card" }, h("h2", {}, job.job), empty("It has not run yet.", ""));
    return card(`Runs of ${job.job}`, rows.length > 1 ? `The last ${rows.length}.` : "", heads, rows.map((row) => h("tr", {},
      h("th", { scope: "row" }, h("a", { href: link("jobs", { job: job.job, run: row.run_id }), "data-row": true, "data-key": row.run_id, "aria-current": row.run_id === asked.run ? "true" : null }, clockIn(row.planned))),
      h("td", { "data-label": heads[1] }, state(row.state)), h("td", { "data-label": heads[2] }, clock(row.started)),
      [took(row.seconds), row.cpu_seconds === null ? "–" : took(row.cpu_seconds), String(row.attempt)].map((text, i) => h("td", { class: "right", "data-label": heads[i + 3] }, text)),
      h("td", { "data-label": heads[6] }, [counted(row.counts), row.reason].filter(Boolean).join("; ") || "–"))));
  }

  function modelTable(found) {
    const heads = ["model", "state", "trained", "learned from", "learned", ""];
    return card("Models", "Streams use the live version from their next batch on.", heads, found.models.map((row) => {
      const label = `${row.name}@${row.version}`;
      return h("tr", {}, h("th", { scope: "row" }, label), h("td", { "data-label": heads[1] }, h("span", { class: `state-word ${row.state === "live" ? "good" : ""}` }, row.state)),
        h("td", { "data-label": heads[2] }, clock(row.trained)), h("td", { "data-label": heads[3] }, `${clock(row.first)} to ${clock(row.last)}`),
        h("td", { class: "right", "data-label": heads[4] }, `${count(row.learned)} of ${count(row.series)}`),
        h("td", {}, found.allowed && row.state !== "live" && row.learned > 0 && act("use this one", `Use ${label}`, () => send("/api/models", { name: row.name, version: row.version }, `${label} is live.`))));
    }));
  }

  function write(body) {
    if (!who.reportValidity()) return;
    keepOwner(who.value.trim());
    send("/api/jobs", { ...body, owner: who.value.trim() }, { run: `A run of ${body.job} is asked for.`, pause: `${body.job} is paused.`, resume: `${body.job} is no longer paused.`, cancel: `The run of ${body.job} is told to end.` }[body.action])
      .then((answer) => { if (body.action === "run" && answer) shared.go(link("jobs", { job: body.job, run: answer.run })); });
  }

  async function send(path, body, done) {
    try {
      const answer = await change(path, body);
      told.textContent = "";
      document.getElementById("announce").textContent = done;
      shared.refresh();
      return answer;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      told.textContent = error.message;
      return null;
    }
  }

  return { title: "Jobs", root, refresh, always: true, leave: () => clearTimeout(waiting) };
}

const counted = (counts) => Object.entries(counts ?? {}).filter(([, value]) => value).map(([name, value]) => `${name.replaceAll("_", " ")} ${count(value)}`).join(", ");

function card(title, help, heads, rows) {
  return h("section", { class: "card" }, h("h2", {}, title), help && h("p", { class: "soft" }, help),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
      h("table", { class: "cards" }, h("thead", {}, h("tr", {}, heads.map((text) => h(text ? "th" : "td", text ? { scope: "col", class: RIGHT.includes(text) ? "right" : null } : {}, text)))), h("tbody", {}, rows))));
}

/** The log of a run: its end at first, then what is new; it stays at the end unless somebody scrolled away. */
function logOf(run) {
  const text = h("pre", { class: "log scroll", tabindex: 0, role: "region", "aria-label": "Log of the run" });
  const note = h("p", { class: "soft", role: "status" }, "Waiting for its first words.");
  const root = h("section", { class: "card" }, h("h2", {}, "Log"), h("p", {}, h("code", {}, run ?? "")), note, text);
  let end = TAIL, over = false;

  async function read() {
    while (!over) {
      let part;
      try { part = await ask("/api/log", { run, from: end }); } catch (error) {
        if (!(error instanceof Refused)) throw error;
        note.textContent = error.message;
        return;
      }
      const follows = text.scrollTop + text.clientHeight >= text.scrollHeight - 8;
      text.append(part.text);
      if (follows) text.scrollTop = text.scrollHeight;
      if (part.end > 0) end = part.end;
      over = part.over;
      note.textContent = over ? "The run has ended." : end === TAIL ? "Waiting for its first words." : "The run goes on.";
      if (!part.text) return;
    }
  }

  return { root, read };
}
