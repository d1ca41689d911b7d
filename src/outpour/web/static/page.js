// Adds to pages that work without it: copying, live numbers. What other scripts of a page
// need of it is in `outpour`.

const RETRY_MS = [3000, 10000, 30000, 60000];
const CHARTS_MS = 60000;
const LATE_MS = 1000;
const RELIST_MS = 2000;
const COPIED_MS = 1500;
const SIZE_UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"];

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// Python rounds a tie to the even neighbour; the page must not change a digit by coming alive.
function rounded(value, digits) {
  const scaled = value * 10 ** digits;
  const below = Math.floor(scaled);
  const isTie = scaled - below === 0.5;
  return ((isTie ? below + (below % 2) : Math.round(scaled)) / 10 ** digits).toFixed(digits);
}

function formatSize(length) {
  if (length < 1024) return `${length} B`;
  let value = length;
  let unit = "";
  for (unit of SIZE_UNITS) {
    value /= 1024;
    if (value < 999.5) break;
  }
  let text = rounded(value, value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
  if (text.includes(".")) text = text.replace(/\.?0+$/, "");
  return `${text} ${unit}`;
}

const formatCount = (number) => number.toLocaleString("en-US");

function formatMinute(seconds) {
  return `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without TLS there is no clipboard interface except the old command.
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  if (!isDone) throw new Error("copying was refused");
}

// A button says so in its words and by its icon, as far as it has them.
function tellCopied(button, said) {
  $("#said").textContent = said;
  const icon = $("use", button);
  const words = [...button.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  if (words) button.dataset.label ??= words.data;
  if (words) words.data = said;
  icon?.setAttribute("href", said === "copied" ? "#i-check" : "#i-copy");
  setTimeout(() => {
    if (words) words.data = button.dataset.label;
    icon?.setAttribute("href", "#i-copy");
  }, COPIED_MS);
}

function showCopying() {
  for (const button of $$("[data-copy]")) button.hidden = false;
}

function startCopying() {
  showCopying();
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await copy(button.dataset.copy);
      tellCopied(button, "copied");
    } catch {
      tellCopied(button, "not copied");
    }
  });
}



function show(element, value) {
  const isSize = element.dataset.unit === "size";
  const text = value === null ? "–" : isSize ? formatSize(value) : formatCount(value);
  if ("value" in element.dataset) element.dataset.value = String(value ?? 0);
  if (element.textContent === text) return;
  element.textContent = text;
  element.classList.remove("changed");
  // Reading a measure makes the browser start the animation anew.
  void element.offsetWidth;
  element.classList.add("changed");
}

function apply({ at, torrents, totals }) {
  for (const torrent of torrents) {
    const root = $(`[data-infohash="${torrent.infohash}"]`);
    if (!root) continue;
    for (const element of $$("[data-field]", root)) show(element, torrent[element.dataset.field]);
  }
  for (const element of totals ? $$("[data-total]") : []) {
    show(element, totals[element.dataset.total]);
  }
  const time = $("#server-time");
  time.dateTime = new Date(at * 1000).toISOString();
  const text = formatMinute(at);
  if (time.textContent !== text) time.firstElementChild.textContent = text;
}

async function fetchPage() {
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!response.ok) throw new Error(`${response.status}`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// Pieces of a page that are drawn anew when a torrent comes or goes; without a list all of it is.
const LISTED = [".lead", ".summary", ".groups", "#list", "#torrents > tbody", "#torrents > tfoot"];

function openRows() {
  return $$("tr:has(.more[open])").map((row) => row.dataset.infohash);
}

// Puts another piece in the place of one, and whoever was in it back to where he was.
function replace(old, fresh) {
  const opened = openRows();
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const place = focused?.getAttribute("href");
  const column = focused?.closest("thead th")?.className.match(/col-\S+/)?.[0];
  old.replaceWith(fresh);
  for (const infohash of opened) {
    const more = $(`tr[data-infohash="${infohash}"] .more`);
    if (more) more.open = true;
  }
  const again = column ? `th.${column} a` : place ? `a[href="${CSS.escape(place)}"]` : null;
  if (again) $(again, fresh)?.focus();
}

// A torrent came or went: the server draws its row, as it drew the others.
async function refreshListing() {
  const page = await fetchPage();
  const pairs = LISTED.map((selector) => [$(selector), $(selector, page)]);
  const isListed = $("#torrents") && $("#torrents", page);
  if (!isListed) replace($("main"), $("main", page));
  for (const [old, fresh] of isListed ? pairs : []) {
    if (old?.isConnected && fresh) replace(old, fresh);
  }
  for (const name of ["events", "charts", "torrents"]) {
    if (page.body.dataset[name]) document.body.dataset[name] = page.body.dataset[name];
  }
  chartsAt = -1;
  showCopying();
}

// What was drawn last, so that the server tells only of what happened since.
let chartsAt = -1;

// A line that never moves is no area; one with gaps has an area for each of its parts.
function areaOf({ complete, height }) {
  const points = [...complete.matchAll(/([ML])(-?\d+) (-?\d+)/g)];
  if (new Set(points.map(([, , , y]) => y)).size < 2) return "";
  const part = (text) => {
    const places = [...text.matchAll(/(-?\d+) -?\d+/g)].map(([, x]) => x);
    return `M${text}L${places.at(-1)} ${height}L${places[0]} ${height}Z`;
  };
  return complete.split("M").slice(1).map(part).join("");
}

function fillChart(svg, chart) {
  $(".area", svg).setAttribute("d", areaOf(chart));
  $(".line-complete", svg).setAttribute("d", chart.complete);
  $(".line-downloading", svg).setAttribute("d", chart.downloading);
  svg.setAttribute("aria-label", chart.label);
}

function newSpark({ width, height }) {
  const name = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(name, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", `0 -1 ${width} ${height + 2}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  for (const kind of ["area", "line-downloading", "line-complete"]) {
    const path = document.createElementNS(name, "path");
    path.setAttribute("class", kind);
    svg.append(path);
  }
  return svg;
}

async function refreshCharts() {
  const url = new URL(shown().charts, location.href);
  if (chartsAt >= 0) url.searchParams.set("since", chartsAt);
  const response = await fetch(url, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`${response.status}`);
  const { at, is_late: isLate, charts } = await response.json();
  for (const chart of charts) {
    const cell = $(`tr[data-infohash="${chart.infohash}"] > .col-swarm`);
    if (!cell) continue;
    if (!$("svg", cell)) cell.replaceChildren(newSpark(chart));
    fillChart($("svg", cell), chart);
  }
  if (isLate) setTimeout(() => refreshCharts().catch(() => {}), LATE_MS);
  else chartsAt = at;
}

// Whose data say where the numbers of this page come from.
function shown() {
  return ($("#list") ?? document.body).dataset;
}

const STATES = {
  live: "live",
  waiting: "reconnecting…",
  off: "not live; reload for new numbers",
};

class Stream {
  #source = null;
  #timer = 0;
  #failures = 0;
  #shown = "";
  #relisting = 0;
  #relistedAt = -Infinity;

  start() {
    document.addEventListener("visibilitychange", () => {
      // Browsers allow six connections to a server; a page out of sight gives its own up.
      if (document.hidden) this.#close();
      else this.#open();
    });
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", () => this.#open());
    setInterval(() => {
      if (!document.hidden && shown().charts && this.#shown === "live") refreshCharts().catch(() => {});
    }, CHARTS_MS);
    this.#open();
  }

  restart() {
    if (!this.#source) return;
    this.#close();
    this.#open();
  }

  #say(state) {
    if (state === this.#shown) return;
    this.#shown = state;
    $("#live").dataset.state = state;
    $("#live-text").textContent = STATES[state];
  }

  #open() {
    clearTimeout(this.#timer);
    if (this.#source || document.hidden) return;
    const source = new EventSource(shown().events);
    this.#source = source;
    source.addEventListener("numbers", (event) => {
      this.#failures = 0;
      this.#say("live");
      apply(JSON.parse(event.data));
    });
    source.addEventListener("listing", () => this.#relist());
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) {
        this.#say("waiting");
        return;
      }
      // The browser gives up after an answer such as 503; the server may have room later.
      this.#close();
      this.#say(this.#failures < 2 ? "waiting" : "off");
      const pause = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
      this.#failures += 1;
      this.#timer = setTimeout(() => this.#open(), pause);
    });
  }

  #close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#relisting);
    this.#source?.close();
    this.#source = null;
  }

  async #relist() {
    clearTimeout(this.#relisting);
    // Whoever keeps pages on the way may hand out an old one for a while.
    const wait = this.#relistedAt + RELIST_MS - performance.now();
    if (wait > 0) {
      this.#relisting = setTimeout(() => this.#relist(), wait);
      return;
    }
    this.#relistedAt = performance.now();
    try {
      if ($("article[data-infohash]")) return;
      await refreshListing();
      this.restart();
    } catch {
      // The next message or reconnection tries again.
    }
  }
}

startCopying();
const stream = shown().events ? new Stream() : null;
stream?.start();
if ("chartsLate" in shown()) refreshCharts().catch(() => {});

globalThis.outpour = {
  openRows,
  // Other rows are shown now: their numbers and drawings are asked for.
  relisted() {
    chartsAt = -1;
    showCopying();
    stream?.restart();
    if ("chartsLate" in shown()) refreshCharts().catch(() => {});
  },
  replace,
};
