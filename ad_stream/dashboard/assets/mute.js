// A mute of a series or its device: judged and stored as always, but not flagged for a while.
import { Refused, ask, change } from "./api.js";
import { h, put, select } from "./dom.js";
import { keepOwner, owner } from "./owner.js";
import { clockIn } from "./words.js";

const LENGTHS = [[1, "1 hour"], [4, "4 hours"], [24, "1 day"], [168, "1 week"], [744, "31 days"]];

/** root: a line with the mute that holds, or a button that asks for one. */
export function muting(device, signal) {
  const root = h("div", { class: "mute" }), told = h("p", { role: "alert" });
  const dialog = h("dialog", { "aria-labelledby": "mute-title" });
  let standing = null, wish = { hours: 4, whole: "" };

  async function refresh() {
    standing = await ask("/api/mute", { device, signal });
    const { mute } = standing;
    put(root, dialog,
      mute && h("span", { class: "pill muted", title: [mute.owner, mute.note].filter(Boolean).join(": ") },
        `${mute.whole ? "device muted" : "muted"}${mute.to ? ` until ${clockIn(mute.to)}` : ""}${mute.owner ? ` by ${mute.owner}` : ""}`),
      h("button", { type: "button", "data-key": "mute", onclick: open }, mute ? "change the mute" : "mute…"));
  }

  function open() {
    told.textContent = "";
    put(dialog, h("h2", { id: "mute-title" }, `Mute ${device}`), standing.allowed ? form() : refusal());
    dialog.showModal();
  }

  function form() {
    const who = h("input", { name: "owner", value: owner(), required: true, maxlength: 100, autocomplete: "name" });
    const why = h("input", { name: "note", maxlength: 500 });
    const given = () => ({ device, signal: wish.whole ? null : signal, owner: who.value.trim(), note: why.value.trim() });
    return h("form", { onsubmit: (event) => { event.preventDefault(); write({ ...given(), hours: Number(wish.hours) }); } },
      h("p", { class: "soft" }, "It is judged and stored as always, but flags nothing from the stream's next batch on."),
      select("For", "hours", LENGTHS, wish.hours, (value) => { wish.hours = value; }),
      select("What", "whole", [["", "this signal"], ["1", "all signals of the device"]], wish.whole, (value) => { wish.whole = value; }),
      h("label", { class: "field" }, h("span", {}, "Your name"), who), h("label", { class: "field" }, h("span", {}, "Why"), why), told,
      h("p", { class: "command" }, h("button", { type: "submit" }, "mute"),
        standing.mute && h("button", { type: "button", onclick: () => who.reportValidity() && write({ ...given(), signal: standing.mute.whole ? null : signal, hours: null }) }, "take it back"),
        h("button", { type: "button", onclick: () => dialog.close() }, "cancel")));
  }

  function refusal() {
    return h("form", { method: "dialog" },
      h("p", {}, "This dashboard has no token, so it cannot know who may mute. Set AD_STREAM_DASHBOARD_TOKEN where it is started, or type:"),
      h("p", { class: "command" }, h("code", {}, standing.command)), h("button", {}, "close"));
  }

  async function write(body) {
    try {
      await change("/api/mute", body);
      keepOwner(body.owner);
      dialog.close();
      await refresh();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      told.textContent = error.message;
    }
  }

  return { root, refresh };
}
