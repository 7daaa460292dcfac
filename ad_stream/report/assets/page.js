"use strict";
const root = document.documentElement;
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();
const drawn = new Set();
let pictures = new Map();

/** The text of a script element, which is packed where it is long. */
async function unpacked(id) {
  const place = document.getElementById(id);
  if (!place.type.startsWith("application/gzip")) return place.textContent;
  const bytes = Uint8Array.from(atob(place.textContent.trim()), (sign) => sign.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function traces(one) {
  const flagged = one.flags.map((flag, i) => (flag ? i : -1)).filter((i) => i >= 0);
  const line = (y, more) => ({ x: one.times, y, type: "scatter", mode: "lines", ...more });
  return [
    { ...band(one), name: "expected band", type: "scatter", mode: "lines", fill: "toself", fillcolor: color("--band"), line: { width: 1, color: color("--band") }, hoverinfo: "skip" },
    line(one.expected, { name: "expected", line: { width: 1, dash: "dot", color: color("--expected") } }),
    line(one.value, { name: "value", line: { width: 1.5, color: color("--value") } }),
    {
      name: "flagged", type: "scatter", mode: "markers",
      x: flagged.map((i) => one.times[i]), y: flagged.map((i) => one.value[i]), text: flagged.map((i) => one.why[i] || ""),
      marker: { size: 9, color: color("--flag"), symbol: flagged.map((i) => (one.flags[i] === "above" ? "triangle-up" : "triangle-down")) },
    },
  ];
}

function layout(one, linked) {
  const axis = { gridcolor: color("--line"), zeroline: false, automargin: true };
  const span = one.span && {
    type: "rect", xref: "x", yref: "paper", x0: one.span[0], x1: one.span[1], y0: 0, y1: 1, layer: "below",
    fillcolor: color("--span"), line: { width: 1, color: color("--span") },
  };
  return {
    margin: { l: linked ? 56 : 8, r: 8, t: 8, b: linked ? 30 : 8 }, showlegend: false, hovermode: "x unified",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: color("--ink"), size: 11 },
    // Charts that share their time share its margins, too: one below the other, their windows stand in one line.
    xaxis: { ...axis, nticks: linked ? 9 : 5, automargin: !linked, ...(linked ? { range: [linked.dataset.first, linked.dataset.last] } : {}) },
    yaxis: { ...axis, automargin: !linked }, shapes: span ? [span] : [],
  };
}

function draw(figure) {
  const one = pictures.get(figure.id), linked = figure.closest(".linked"), plot = figure.querySelector(".plot");
  const first = !drawn.has(figure);
  drawn.add(figure);
  Plotly.react(plot, traces(one), layout(one, linked), { displayModeBar: false, responsive: true });
  if (first && linked) plot.on("plotly_relayout", (event) => follow(linked, figure, event));
}

/** The others of a group take the stretch of time that one was set to. */
function follow(group, figure, event) {
  const whole = event["xaxis.autorange"] === true;
  const from = whole ? group.dataset.first : event["xaxis.range[0]"], to = whole ? group.dataset.last : event["xaxis.range[1]"];
  if (from === undefined || to === undefined || group.dataset.busy) return;
  group.dataset.busy = "yes";
  const others = [...group.querySelectorAll("figure")].filter((one) => drawn.has(one) && (whole || one !== figure));
  Promise.all(others.map((one) => Plotly.relayout(one.querySelector(".plot"), { "xaxis.range": [from, to] }))).finally(() => { delete group.dataset.busy; });
}

function paint(theme) {
  root.dataset.theme = theme;
  drawn.forEach(draw);
}

async function begin() {
  paint(dark.matches ? "dark" : "light");
  dark.addEventListener("change", (event) => paint(event.matches ? "dark" : "light"));
  document.getElementById("theme").addEventListener("click", () => paint(root.dataset.theme === "dark" ? "light" : "dark"));
  pictures = new Map(JSON.parse(await unpacked("pictures")).map((one) => [one.id, one]));
  document.querySelectorAll("figure").forEach((figure) => figure.querySelector("button").addEventListener("click", () => {
    const one = pictures.get(figure.id);
    save(csvName(one.title), csv(one));
  }));
  const script = document.createElement("script");
  script.textContent = await unpacked("plotly");
  document.head.append(script);
  document.querySelectorAll(".linked").forEach((group) => {
    const times = [...group.querySelectorAll("figure")].flatMap(({ id }) => [pictures.get(id).times[0], pictures.get(id).times.at(-1)]).sort();
    Object.assign(group.dataset, { first: times[0], last: times.at(-1) });
  });
  const figures = document.querySelectorAll("figure");
  const seen = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => { seen.unobserve(entry.target); draw(entry.target); }),
    { rootMargin: "300px" },
  );
  figures.forEach((figure) => seen.observe(figure));
  window.addEventListener("beforeprint", () => { paint("light"); figures.forEach(draw); });
}

begin().catch((error) => {
  document.querySelectorAll(".plot").forEach((plot) => { plot.textContent = `The pictures need a browser of 2023 or later (${error.message}).`; });
});
