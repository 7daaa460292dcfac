// One series drawn: band, expected value, value, flags, and what lay outside the band without being flagged.
import { band } from "./picture.js";
import { clockIn, isoOf, narrow, number } from "./words.js";
import { ticks } from "./zone.js";

let loading = null;

/** plotly is large, so it comes with the first chart. */
export function plotly() {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = "/assets/plotly.js";
    script.onload = () => done(window.Plotly);
    script.onerror = () => { loading = null; failed(new Error("the chart's script did not load")); };
    document.head.append(script);
  });
  return loading;
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function hover(one, i) {
  if (one.value[i] === null) return "no row";
  const bounds = one.lower[i] === null ? "" : `<br>expected band ${number(one.lower[i])} to ${number(one.upper[i])}`;
  const why = one.why[i] ? `<br>${one.why[i]}` : "";
  return `<b>${number(one.value[i])}</b>${one.flags[i] ? " flagged" : ""}${bounds}${why}<br>${clockIn(isoOf(one.times[i]))}`;
}

function traces(one, small) {
  const every = one.times.map((_, i) => i);
  const flagged = every.filter((i) => one.flags[i]);
  const spared = every.filter((i) => !one.flags[i] && one.value[i] !== null && one.lower[i] !== null && (one.value[i] > one.upper[i] || one.value[i] < one.lower[i]));
  const line = (y, more) => ({ x: one.times, y, type: "scatter", mode: "lines", connectgaps: false, ...more });
  const marks = (name, at, marker) => ({ name, type: "scatter", mode: "markers", x: at.map((i) => one.times[i]), y: at.map((i) => one.value[i]), hoverinfo: "skip", cliponaxis: false, marker });
  return [
    { ...band(one), name: "expected band", type: "scatter", mode: "lines", fill: "toself", fillcolor: color("--band"), line: { width: 1, color: color("--band") }, hoverinfo: "skip" },
    ...(one.frozen ? [frozen(one.frozen)] : []),
    ...(one.before ? [line(one.before.value, { name: one.before.name, line: { width: 1.4, dash: "dash", color: color("--soft") }, hoverinfo: "skip" })] : []),
    line(one.expected, { name: "expected", line: { width: 1.2, dash: "dot", color: color("--expected") }, hoverinfo: "skip" }),
    line(one.value, { name: "value", mode: one.times.length > (small ? 60 : 200) ? "lines" : "lines+markers", line: { width: 1.8, color: color("--value") }, marker: { size: 3.5 }, text: every.map((i) => hover(one, i)), hoverinfo: "text" }),
    marks("outside, not flagged", spared, { size: 9, color: "rgba(0,0,0,0)", symbol: "circle-open", line: { width: 1.6, color: color("--warn") } }),
    marks("flagged", flagged, { size: 11, color: color("--flag"), symbol: flagged.map((i) => (one.flags[i] === "above" ? "triangle-up" : "triangle-down")), line: { width: 1, color: color("--card") } }),
  ];
}

/** The band of an incident's onset, which its later windows are asked against. */
function frozen({ from, to, lower, upper }) {
  const [first, last] = [from, to].map((iso) => iso.replace("T", " ").replace("Z", ""));
  return { name: "band of the onset", type: "scatter", mode: "lines", x: [first, last, last, first, first], y: [upper, upper, lower, lower, upper], line: { width: 1.6, dash: "dash", color: color("--warn") }, hoverinfo: "skip" };
}

function layout(one, selected, small) {
  const axis = { gridcolor: color("--line"), zeroline: false, linecolor: color("--line"), tickfont: { color: color("--soft") } };
  // The library knows no zones: places stay in UTC, and what stands at them is the time in the zone of the page.
  const marks = ticks(Date.parse(isoOf(one.times[0])), Date.parse(isoOf(one.times.at(-1))), small ? 4 : 9);
  const shapes = selected ? [{ type: "line", xref: "x", yref: "paper", x0: selected, x1: selected, y0: 0, y1: 1, line: { width: 1.5, color: color("--ink"), dash: "dot" } }] : [];
  return {
    // The same margins for every signal, so that charts one below the other have one time axis.
    margin: { l: small ? 44 : 60, r: 12, t: 36, b: 40 }, hovermode: "x", dragmode: small ? "pan" : "zoom", shapes, uirevision: `${one.title} ${one.range}`,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: "system-ui, sans-serif", color: color("--ink"), size: 12 },
    hoverlabel: { bgcolor: color("--card"), bordercolor: color("--line"), font: { color: color("--ink") }, align: "left" },
    legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", font: { color: color("--soft"), size: small ? 10 : 12 }, itemclick: false, itemdoubleclick: false },
    xaxis: { ...axis, range: [one.times[0], one.times.at(-1)], tickvals: marks.places, ticktext: marks.labels, showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: color("--line"), type: "date" },
    yaxis: { ...axis, nticks: 6, fixedrange: small },
  };
}

/** Draws into `place`; a click on a window calls choose(its text in `times`), a stretch that is drawn over zoom(from, to). */
export async function draw(place, one, selected, choose, zoom) {
  const library = await plotly();
  const small = narrow();
  await library.react(place, traces(one, small), layout(one, selected, small), { displayModeBar: false, responsive: true, scrollZoom: false });
  if (!place.dataset.ready) {
    place.dataset.ready = "yes";
    place.on("plotly_click", (event) => {
      // The library leaves out seconds that are 0.
      const at = String(event.points[0].x).slice(0, 19);
      place.chosen(place.times.find((time) => time === at || time === at.slice(0, 16) || time === `${at}:00`));
    });
    place.on("plotly_relayout", (event) => {
      const [from, to] = [event["xaxis.range[0]"], event["xaxis.range[1]"]];
      if (from !== undefined && to !== undefined) place.zoomed(String(from), String(to));
    });
  }
  place.times = one.times;
  place.chosen = choose;
  place.zoomed = zoom;
}
