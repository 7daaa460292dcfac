// What a person says of an incident: seen it, end it, what it was, a note. Written by a POST, never by a link.
import { Refused, change } from "./api.js";
import { h, put, select } from "./dom.js";
import { labels } from "./incident_words.js";
import { keepOwner, owner } from "./owner.js";

const LENGTHS = [["", "to its end"], [1, "1 hour"], [4, "4 hours"], [24, "1 day"], [168, "1 week"]];
const ACTIONS = {
  ack: ["Acknowledge", "acknowledge", "You have seen it: only a worse severity and its end are told from the stream's next batch on."],
  unack: ["Take the acknowledgement back", "take it back", "Updates are told again from the stream's next batch on."],
  close: ["Close", "close it", "Its series open again once they were back, or at a jump beyond what they had reached."],
  label: ["What was it?", "label it", "The label changes no verdict by itself; ad-stream propose counts it."],
  comment: ["Note", "add the note", "A note for whoever looks at it next."],
};

/** What a person types for the same. */
const command = (row, action) => ({ ack: `ad-stream ack ${row.id}`, unack: `ad-stream ack ${row.id} --off`, close: `ad-stream close ${row.id}`, label: `ad-stream label ${row.id} true` })[action];

/** Buttons and the dialog they open; said(): called after something was said. */
export function feedback(said) {
  const root = h("div", { class: "feedback" }), dialog = h("dialog", { "aria-labelledby": "feedback-title" }), told = h("p", { role: "alert" });
  const buttons = h("div", { class: "chips" });
  root.append(buttons, dialog);
  let row = null;

  function update(next) {
    row = next;
    const open = row.state === "open";
    put(buttons, [open && !row.acked_by && "ack", open && row.acked_by && "unack", open && "close", "label", "comment"].filter(Boolean).map((action) =>
      h("button", { type: "button", "data-key": `say ${action}`, onclick: () => ask(action) }, `${ACTIONS[action][0].replace("What was it?", "Label")}…`)));
  }

  function ask(action) {
    const [title, verb, help] = ACTIONS[action];
    told.textContent = "";
    put(dialog, h("h2", { id: "feedback-title" }, title), row.allowed ? form(action, verb, help) : refusal(action));
    dialog.showModal();
  }

  function form(action, verb, help) {
    const who = h("input", { name: "owner", value: owner(), required: true, maxlength: 100, autocomplete: "name" });
    const note = h("input", { name: "note", maxlength: 500, required: action === "comment" });
    const wish = { hours: "", label: "true" };
    return h("form", { onsubmit: (event) => {
      event.preventDefault();
      write({ action, incident: row.id, owner: who.value.trim(), note: note.value.trim(), hours: wish.hours ? Number(wish.hours) : null, label: action === "label" ? wish.label : null });
    } },
    h("p", { class: "soft" }, help),
    action === "ack" && select("Up to", "hours", LENGTHS, wish.hours, (value) => { wish.hours = value; }),
    action === "label" && select("It was", "label", labels.map(([name, text]) => [name, `${name}: ${text}`]), wish.label, (value) => { wish.label = value; }),
    h("label", { class: "field" }, h("span", {}, "Your name"), who), h("label", { class: "field" }, h("span", {}, action === "comment" ? "Note" : "Why"), note), told,
    h("p", { class: "command" }, h("button", { type: "submit" }, verb), h("button", { type: "button", onclick: () => dialog.close() }, "cancel")));
  }

  function refusal(action) {
    return h("form", { method: "dialog" },
      h("p", {}, "This dashboard has no token, so it cannot know who may. Set AD_STREAM_DASHBOARD_TOKEN where it is started", command(row, action) ? ", or type:" : "."),
      command(row, action) && h("p", { class: "command" }, h("code", {}, command(row, action))), h("button", {}, "close"));
  }

  async function write(body) {
    try {
      await say(body);
      dialog.close();
      said();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      told.textContent = error.message;
    }
  }

  return { root, update };
}

/** Appends to `feedback`, and remembers who said it. */
export async function say(body) {
  await change("/api/feedback", Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined)));
  keepOwner(body.owner);
}
