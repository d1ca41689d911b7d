// Adds to the page of a torrent that works without it: other times in place, and a readout.

const REFRESH_MS = 60000;

const $ = (selector, root = document) => root.querySelector(selector);

const formatCount = (number) => number.toLocaleString("en-US");

function formatTime(seconds, isDaily) {
  const text = new Date(seconds * 1000).toISOString();
  return isDaily ? text.slice(0, 10) : `${text.slice(0, 16).replace("T", " ")} UTC`;
}

const between = (least, most) =>
  least === most ? formatCount(most) : `${formatCount(least)}–${formatCount(most)}`;

// The points of the chart that is shown; read once, when somebody points at it.
let points = null;
let at = -1;

function readPoints() {
  points ??= JSON.parse($("#swarm .chart-points")?.textContent ?? "[]");
  return points;
}

function hide() {
  const plot = $("#swarm .plot");
  if (!plot) return;
  at = -1;
  $(".readout", plot).hidden = true;
  $(".cursor", plot).setAttribute("visibility", "hidden");
}

function show(index) {
  const plot = $("#swarm .plot");
  const began = Number(plot.dataset.began);
  const ended = Number(plot.dataset.ended);
  const [from, to, least, most, , leechers, , downloads] = readPoints()[index];
  at = index;
  const middle = Math.max((from + to) / 2, began);
  const place = `${(100 * (middle - began)) / (ended - began)}%`;
  const cursor = $(".cursor", plot);
  cursor.setAttribute("x1", place);
  cursor.setAttribute("x2", place);
  cursor.setAttribute("visibility", "visible");
  const readout = $(".readout", plot);
  const time = document.createElement("time");
  time.dateTime = new Date(from * 1000).toISOString();
  time.textContent = formatTime(from, "daily" in plot.dataset);
  const words = `${between(least, most)} seeders, up to ${formatCount(leechers)} leechers, ${formatCount(downloads)} downloads by then`;
  readout.replaceChildren(time, words);
  readout.dataset.side = middle - began > (ended - began) / 2 ? "left" : "right";
  readout.hidden = false;
}

function nearest(seconds) {
  let best = -1;
  let least = Infinity;
  readPoints().forEach(([from, to], index) => {
    const away = seconds < from ? from - seconds : Math.max(0, seconds - to);
    if (away < least) [best, least] = [index, away];
  });
  return best;
}

function point(event) {
  const plot = event.target.closest?.("#swarm .plot");
  if (!plot) return hide();
  const box = $(".drawing", plot).getBoundingClientRect();
  const began = Number(plot.dataset.began);
  const part = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  const index = nearest(began + part * (Number(plot.dataset.ended) - began));
  if (index >= 0) show(index);
}

function step(event) {
  const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  if (!event.target.closest?.("#swarm .plot")) return;
  if (event.key === "Escape") hide();
  if (!(event.key in moves)) return;
  const last = readPoints().length - 1;
  if (last < 0) return;
  event.preventDefault();
  const from = at < 0 ? last + 1 : at;
  show(Math.min(Math.max(from + moves[event.key], 0), last));
}

async function load(url) {
  const section = $("#swarm");
  const response = await fetch(url, { headers: { accept: "text/html" } });
  if (!response.ok) throw new Error(`${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const held = at;
  const focused = document.activeElement?.dataset?.range;
  section.replaceWith($("#swarm", fresh));
  points = null;
  at = -1;
  if (focused) $(`#swarm [data-range="${CSS.escape(focused)}"]`)?.focus();
  if (held >= 0 && held < readPoints().length) show(held);
}

function change(event) {
  const link = event.target.closest?.("#swarm [data-range]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const section = $("#swarm");
  // The page of a torrent that was withdrawn has no other part of its chart to load.
  if (!section.dataset.swarm || !$("article[data-infohash]")) return;
  event.preventDefault();
  const url = new URL(section.dataset.swarm, location.href);
  url.searchParams.set("range", link.dataset.range);
  hide();
  load(url)
    .then(() => {
      const shown = new URL(location.href);
      shown.searchParams.set("range", link.dataset.range);
      history.replaceState(null, "", shown);
    })
    .catch(() => location.assign(link.href));
}

document.addEventListener("pointermove", point);
document.addEventListener("pointerdown", point);
document.addEventListener("keydown", step);
document.addEventListener("focusout", (event) => event.target.matches?.("#swarm .plot") && hide());
document.addEventListener("click", change);
setInterval(() => {
  const section = $("#swarm");
  if (document.hidden || !section?.dataset.swarm || !$("article[data-infohash]")) return;
  load(new URL(section.dataset.swarm, location.href)).catch(() => {});
}, REFRESH_MS);
