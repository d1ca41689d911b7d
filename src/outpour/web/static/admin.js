// Adds to the operator's pages, which work without it: numbers that change, values of charts.

const RETRY_MS = [3000, 10000, 30000, 60000];

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

function say(state, text) {
  const live = $("#live");
  live.hidden = false;
  live.dataset.state = state;
  $("#live-text").textContent = text;
}

function show({ figures, parts }) {
  for (const [name, text] of Object.entries(figures)) {
    for (const place of $$(`[data-figure="${name}"]`)) {
      if (place.textContent !== text) place.textContent = text;
    }
  }
  for (const [name, html] of Object.entries(parts)) {
    const place = $(`[data-part="${name}"]`);
    // Who is in the middle of it with the keyboard keeps what is there.
    if (place && !place.contains(document.activeElement)) place.innerHTML = html;
  }
}

function watch(url) {
  let tries = 0;
  let source = null;
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(url);
    source.addEventListener("now", (event) => {
      tries = 0;
      say("live", "live");
      show(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      close();
      say("off", "not live");
      setTimeout(open, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
      tries += 1;
    });
  };
  const close = () => {
    if (source) source.close();
    source = null;
  };
  // Nothing is looked at for a page that nobody sees.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  open();
}

function startChart(figure) {
  const plot = $(".plot", figure);
  if (!plot) return;
  const rows = $$("tbody tr", figure);
  const labels = $$("thead th", figure).slice(1).map((cell) => cell.textContent);
  const readout = $("[data-readout]", figure);
  const cursor = $(".cursor", plot);
  const point = (clientX) => {
    const box = $(".plot-lines", plot).getBoundingClientRect();
    const share = Math.min(Math.max((clientX - box.left) / box.width, 0), 0.9999);
    const at = Math.floor(share * rows.length);
    const cells = [...rows[at].children].map((cell) => cell.textContent);
    const place = `${((at + 0.5) / rows.length) * 100}%`;
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, place);
    cursor.setAttribute("visibility", "visible");
    const when = document.createElement("b");
    when.textContent = cells[0];
    const values = labels.map((label, number) => {
      const value = document.createElement("span");
      value.textContent = `${label} ${cells[number + 1]}`;
      return value;
    });
    readout.replaceChildren(when, ...values);
  };
  plot.addEventListener("pointermove", (event) => point(event.clientX));
  plot.addEventListener("pointerdown", (event) => point(event.clientX));
  plot.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    readout.replaceChildren();
  });
}

$$("[data-chart]").forEach(startChart);
if (document.body.dataset.stream) watch(document.body.dataset.stream);
