// Tasks: a named source by columns with three schedules. The form stays while the page around it is drawn anew.
import { Refused, ask, change } from "./api.js";
import { h, put } from "./dom.js";
import { keepOwner } from "./owner.js";
import { clock, cut } from "./words.js";

const STEPS = [["train", "Train"], ["predict", "Predict"], ["tune", "Tune"]];
const CALENDAR = ["once", "daily", "weekday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "weekly", "two-weekly", "monthly"];
const WORDS = { weekday: "Monday to Friday", "two-weekly": "every two weeks" };
const USUAL = { minutes: "15", hours: "1", cron: "30 2 * * *" };
const LABELS = { minutes: "every … minutes", hours: "every … hours", cron: "cron", off: "never" };

/** root: the card; owner: gives the name of who asks, '' where it was not said; told: says what was done. */
export function tasks(owner, told) {
  const list = h("div", {}), place = h("div", {}), root = h("div", {}, list, place);
  let known = null;

  async function refresh() {
    known = await ask("/api/tasks");
    put(list, (known.tasks.length > 0 || known.sources.length > 0) && table());
  }

  const button = (text, label, onclick) => h("button", { type: "button", "aria-label": label, "data-key": label, onclick }, text);

  function table() {
    const heads = ["task", "source", "dimensions", "feature", "detector", "changed", ""];
    return h("section", { class: "card" }, h("h2", {}, "Tasks"),
      h("p", { class: "soft" }, "A task reads a named source by its columns into tables of its own, on its own schedules; its jobs are in the list above."),
      known.tasks.length > 0 && h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Tasks" }, h("table", { class: "cards" },
        h("thead", {}, h("tr", {}, heads.map((text) => h(text ? "th" : "td", text ? { scope: "col" } : {}, text)))),
        h("tbody", {}, known.tasks.map((task) => row(task, heads))))),
      known.allowed && known.sources.length > 0 && h("p", { class: "command" }, button("new task…", "New task", () => open(null))));
  }

  function row(task, heads) {
    const said = task.said, cells = [said.source, (said.dimensions ?? []).join(" / ") || "as the source has it", said.feature, said.detector ?? "default", `${clock(task.changed)} by ${task.owner}, version ${task.version}`];
    return h("tr", {}, h("th", { scope: "row" }, cut(task.name), task.wrong && h("p", { class: "told warn" }, task.wrong)),
      cells.map((text, i) => h("td", { "data-label": heads[i + 1] }, text)),
      h("td", {}, h("div", { class: "chips" }, h("a", { href: `/api/tasks/csv?${new URLSearchParams({ task: task.name })}`, download: "", "aria-label": `Predictions of ${task.name} as CSV` }, "CSV"),
        known.allowed && button("change…", `Change ${task.name}`, () => open(task)),
        known.allowed && button("retire", `Retire ${task.name}`, () => retire(task.name)))));
  }

  async function retire(name) {
    const who = owner();
    if (!who) return;
    try {
      await change("/api/tasks/retire", { name, owner: who });
      told(`${name} is retired.`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      told("", error.message);
    }
  }

  function open(task) {
    const form = taskForm(known, task, async (said, wrong) => {
      const who = owner();
      if (!who) return;
      try {
        const answer = await change("/api/tasks", { task: said, owner: who });
        if (answer.errors) {
          wrong("Nothing was saved: see the fields.", answer.errors);
          return;
        }
        keepOwner(who);
        put(place, saved(said.name, answer));
        place.querySelector("h2").focus();
        told(`Version ${answer.version} of ${said.name} is saved.`);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        wrong(error.message, {});
      }
    }, () => put(place));
    put(place, form);
    form.querySelector("input").focus();
  }

  const saved = (name, answer) => h("section", { class: "card" }, h("h2", { tabindex: -1 }, `${name}, version ${answer.version}`),
    h("p", { class: "soft" }, `The scheduler takes it within seconds: ${answer.jobs.join(", ")}. As a configuration of its own:`),
    h("pre", { class: "log scroll", tabindex: 0, role: "region", "aria-label": "YAML of the task" }, answer.yaml), h("p", { class: "command" }, button("close", "Close the YAML", () => put(place))));

  return { root, refresh };
}

/** save(said, wrong): what was filled in; wrong(sentence, errors by field) shows what the server said of it. */
function taskForm(known, task, save, cancel) {
  const said = task?.said ?? {}, notes = {}, boxes = {};
  const alert = h("p", { role: "alert" });

  function field(name, label, box, help) {
    notes[name] = h("small", { class: "wrong", id: `wrong-${name}` });
    boxes[name] = box;
    box.setAttribute("aria-describedby", `wrong-${name}`);
    return h("label", { class: "field" }, h("span", {}, label), box, help && h("small", {}, help), notes[name]);
  }

  const input = (name, value, more = {}) => h("input", { name, value: value ?? "", maxlength: 200, autocomplete: "off", spellcheck: "false", ...more });
  const choice = (name, values, chosen, words = {}) => h("select", { name }, values.map((value) => h("option", { value, selected: value === chosen }, words[value] ?? value)));
  const columns = h("datalist", { id: "task-columns" });
  const source = choice("source", known.sources.map((one) => one.name), said.source);
  const listed = async () => {
    try { columns.replaceChildren(...(await ask("/api/tasks/columns", { source: source.value })).columns.map((value) => h("option", { value }))); } catch (error) {
      if (!(error instanceof Refused)) throw error;
      notes.source.textContent = error.message;
    }
  };
  source.addEventListener("change", () => { notes.source.textContent = ""; listed(); });
  const whens = STEPS.map(([step, title]) => rhythm(step, title, said[step], task, field, choice, input));

  const form = h("form", { class: "card task", novalidate: true }, h("h2", {}, task ? `Change ${task.name}` : "New task"), columns,
    field("name", "Name", input("name", task?.name, { readonly: Boolean(task), maxlength: 40 }), "letters, digits, - and _"),
    field("source", "Named source", source),
    field("time", "Time column", input("time", said.time, { list: "task-columns" }), "empty: the source's own"),
    field("dimensions", "Dimensions", input("dimensions", (said.dimensions ?? []).join(", ")), "columns, with commas between: each combination is a series"),
    field("feature", "Feature", input("feature", said.feature, { list: "task-columns" }), "the column of values"),
    field("detector", "Detector", choice("detector", known.detectors, said.detector ?? "default")),
    whens.map((one) => one.root), alert,
    h("p", { class: "command" }, h("button", { type: "submit" }, "save"), h("button", { type: "button", onclick: cancel }, "cancel")));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = (name) => boxes[name].value.trim();
    const whole = { name: text("name"), source: text("source"), feature: text("feature"), detector: text("detector"), dimensions: text("dimensions").split(",").map((one) => one.trim()).filter(Boolean) };
    if (text("time")) whole.time = text("time");
    for (const one of whens) if (one.value()) whole[one.step] = one.value();
    save(whole, wrong);
  });

  function wrong(sentence, errors) {
    alert.textContent = sentence;
    for (const [name, note] of Object.entries(notes)) {
      const own = Object.entries(errors).filter(([key]) => key === name || (!(key in notes) && key.split(".")[0] === name));
      note.textContent = own.map(([, text]) => text).join("; ");
      boxes[name].setAttribute("aria-invalid", String(own.length > 0));
    }
    Object.entries(boxes).find(([, box]) => box.getAttribute("aria-invalid") === "true")?.[1].focus();
  }

  if (known.sources.length) listed();
  return form;
}

/** When a step runs: a rhythm, its number or cron, its start and zone. */
function rhythm(step, title, said, task, field, choice, input) {
  const span = /^(\d+) (minute|hour)s?$/.exec(said?.every ?? "");
  const kind = said ? (said.cron ? "cron" : span ? `${span[2]}s` : said.every) : task || step === "tune" ? "off" : step === "predict" ? "minutes" : "daily";
  const kinds = [...(step === "predict" ? [] : ["off"]), "minutes", "hours", ...CALENDAR, "cron"];
  const box = choice(step, kinds, kind, { ...LABELS, ...WORDS });
  const number = input(`${step}-number`, said?.cron ?? span?.[1] ?? USUAL[kind]);
  const start = input(`${step}-start`, said?.start?.slice(0, 16), { type: "datetime-local" });
  const zone = input(`${step}-zone`, said?.time_zone ?? "UTC");
  const more = h("label", { class: "field" }, h("span", {}, ""), number);
  const parts = [more, h("label", { class: "field" }, h("span", {}, `${title}: start`), start), h("label", { class: "field" }, h("span", {}, `${title}: time zone`), zone)];
  const show = () => {
    parts.forEach((part) => { part.hidden = box.value === "off"; });
    more.hidden = !["minutes", "hours", "cron"].includes(box.value);
    more.firstChild.textContent = box.value === "cron" ? `${title}: minute hour day month weekday` : `${title}: how many`;
  };
  box.addEventListener("change", () => { number.value = USUAL[box.value] ?? ""; show(); });
  show();
  const value = () => {
    if (box.value === "off") return null;
    const every = ["minutes", "hours"].includes(box.value) ? `${number.value.trim()} ${box.value}` : box.value;
    return { ...(box.value === "cron" ? { cron: number.value.trim() } : { every }), ...(start.value ? { start: start.value } : {}), time_zone: zone.value.trim() };
  };
  return { step, value, root: h("fieldset", {}, h("legend", {}, title), field(step, `${title} when`, box), parts) };
}
