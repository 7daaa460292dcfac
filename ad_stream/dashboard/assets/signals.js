// The signals of one device: a few as chips, many as a list that is searched; what is ticked is drawn below.
import { h, put } from "./dom.js";
import { count, cut } from "./words.js";

/** So many fit beside the name. */
export const FEW = 8;
/** Signals that are drawn below one of them. */
export const MOST_BELOW = 11;

/** href(name): the page of a signal; onBelow(name): draws it below, or no longer; onAll: all of them. */
export function signalList(signal, { href, onBelow, onAll }) {
  const root = h("nav", { "aria-label": "Signals of this device" });
  const list = h("ul", { class: "scroll", tabindex: 0, "aria-label": "Signals" });
  const box = h("input", { type: "text", inputmode: "search", placeholder: "part of its name", spellcheck: "false", autocomplete: "off", oninput: () => fill() });
  const label = h("span", {}), note = h("small", {});
  let known = { names: [], flags: new Map(), below: [] };

  function chips() {
    root.className = "chips";
    put(root, known.names.length > 1 && known.names.map((name) =>
      h("a", { href: href(name), title: name, "aria-current": name === signal ? "true" : null }, cut(name, 26))),
      known.names.length > 1 && h("button", { type: "button", "data-key": "all", "aria-pressed": String(known.all), onclick: onAll }, "all on one time axis"));
  }

  function fill() {
    const part = box.value.trim().toLowerCase(), full = known.below.length >= MOST_BELOW;
    const fits = known.names.filter((name) => name.toLowerCase().includes(part));
    put(list, fits.map((name) => {
      const ticked = known.below.includes(name), flags = known.flags.get(name) ?? 0;
      return h("li", {},
        h("input", { type: "checkbox", "aria-label": `Draw ${name} below`, "data-key": `below ${name}`, checked: ticked || name === signal, disabled: name === signal || (full && !ticked), onchange: () => onBelow(name) }),
        h("a", { href: href(name), title: name, "data-row": true, "data-key": `signal ${name}`, "aria-current": name === signal ? "true" : null }, cut(name, 26)),
        flags > 0 && h("small", { class: "flags", title: "flags of the last day" }, count(flags)));
    }), !fits.length && h("li", { class: "soft" }, "No signal has this in its name."));
  }

  return {
    root,
    /** names; flags: name -> flags of the last day, of which the first come first; below: those that are drawn; all: every one. */
    update(names, flags, below, all) {
      known = { names: [...names].sort((a, b) => (flags.get(b) ?? 0) - (flags.get(a) ?? 0)), flags, below, all };
      if (names.length <= FEW) { known.names = names; chips(); return; }
      if (!root.contains(list)) {
        root.className = "signals card";
        put(root, h("label", { class: "field" }, label, box), note, list);
      }
      label.textContent = `Signal, of ${count(names.length)}`;
      note.textContent = `Flagged first. What is ticked is drawn below on the same time axis, at most ${MOST_BELOW}.`;
      fill();
    },
  };
}
