"use strict";
const pictures = new Map(JSON.parse(document.getElementById("pictures").textContent).map((one) => [one.id, one]));
const root = document.documentElement;
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();
const drawn = new Set();

function traces(one) {
  const flagged = one.flags.map((flag, i) => (flag ? i : -1)).filter((i) => i >= 0);
  const line = (y, more) => ({ x: one.times, y, type: "scatter", mode: "lines", ...more });
  return [
    line(one.lower, { line: { width: 0 }, hoverinfo: "skip", showlegend: false }),
    line(one.upper, { name: "expected band", fill: "tonexty", fillcolor: color("--band"), line: { width: 0 }, hoverinfo: "skip" }),
    line(one.expected, { name: "expected", line: { width: 1, dash: "dot", color: color("--expected") } }),
    line(one.value, { name: "value", line: { width: 1.5, color: color("--value") } }),
    {
      name: "flagged", type: "scatter", mode: "markers",
      x: flagged.map((i) => one.times[i]), y: flagged.map((i) => one.value[i]), text: flagged.map((i) => one.why[i] || ""),
      marker: { size: 9, color: color("--flag"), symbol: flagged.map((i) => (one.flags[i] === "above" ? "triangle-up" : "triangle-down")) },
    },
  ];
}

function layout(one) {
  const axis = { gridcolor: color("--line"), zeroline: false, automargin: true };
  const span = one.span && {
    type: "rect", xref: "x", yref: "paper", x0: one.span[0], x1: one.span[1], y0: 0, y1: 1, layer: "below",
    fillcolor: color("--span"), line: { width: 1, color: color("--span") },
  };
  return {
    margin: { l: 8, r: 8, t: 8, b: 8 }, showlegend: false, hovermode: "x unified",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: color("--ink"), size: 11 },
    xaxis: { ...axis, nticks: 5 }, yaxis: axis, shapes: span ? [span] : [],
  };
}

function draw(figure) {
  const one = pictures.get(figure.id);
  drawn.add(figure);
  Plotly.react(figure.querySelector(".plot"), traces(one), layout(one), { displayModeBar: false, responsive: true });
}

function paint(theme) {
  root.dataset.theme = theme;
  drawn.forEach(draw);
}

const seen = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => { seen.unobserve(entry.target); draw(entry.target); }),
  { rootMargin: "300px" },
);
paint(dark.matches ? "dark" : "light");
dark.addEventListener("change", (event) => paint(event.matches ? "dark" : "light"));
document.getElementById("theme").addEventListener("click", () => paint(root.dataset.theme === "dark" ? "light" : "dark"));
document.querySelectorAll("figure").forEach((figure) => seen.observe(figure));
