// Searches, sorts and turns the pages of the list in place. Its rows come from the server, as they do
// without this script, and the address of the page always says what is shown.

const list = () => document.querySelector("#list");
const input = () => document.querySelector("#q");
let wanted = null;
let isFetching = false;

function partOf(url) {
  const part = new URL(url);
  part.searchParams.set("part", "list");
  return part;
}

// One request at a time: what is typed meanwhile is asked for next, and only its last state.
async function show(url, then = () => {}) {
  wanted = { url, then };
  if (isFetching) return;
  isFetching = true;
  try {
    while (wanted) {
      const asked = wanted;
      const response = await fetch(partOf(asked.url), { headers: { accept: "text/html" } });
      if (!response.ok) throw new Error(`${response.status}`);
      const text = await response.text();
      if (wanted !== asked) continue;
      wanted = null;
      swap(text);
      asked.then();
    }
  } catch {
    // The browser says better than a script what is the matter.
    location.assign(wanted.url);
  } finally {
    isFetching = false;
  }
}

// Rows of a screen come first, and the others once these are seen.
const ROW_PX = 40;
const QUIET_MS = 300;
let quiet = 0;

function swap(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const fresh = page.querySelector("#list");
  const later = [...fresh.querySelectorAll("tbody > tr")].slice(Math.ceil(innerHeight / ROW_PX));
  // Whoever stands further down keeps his place.
  const isAtOnce = scrollY > innerHeight || !later.length;
  const opened = new Set(globalThis.outpour.openRows());
  for (const row of isAtOnce ? [] : later) {
    row.remove();
    if (opened.has(row.dataset.infohash)) row.querySelector(".more").open = true;
  }
  globalThis.outpour.replace(list(), fresh);
  if (!isAtOnce) afterPaint(() => fresh.querySelector("tbody")?.append(...later));
  // Numbers and drawings of rows that the next letter takes away again are not asked for.
  clearTimeout(quiet);
  quiet = setTimeout(() => globalThis.outpour.relisted(), QUIET_MS);
}

function afterPaint(work) {
  requestAnimationFrame(() => setTimeout(work));
}

function search() {
  const url = new URL(location.href);
  url.searchParams.delete("page");
  const text = input().value.trim();
  if (text) url.searchParams.set("q", text);
  else url.searchParams.delete("q");
  if (url.href === location.href) return;
  history.replaceState(null, "", url);
  show(url);
}

function showAddress(then) {
  input().value = new URL(location.href).searchParams.get("q") ?? "";
  show(new URL(location.href), then);
}

function turned() {
  list().scrollIntoView({ block: "start" });
  list().focus({ preventScroll: true });
}

document.addEventListener("input", (event) => {
  if (event.target === input() && list()) search();
});
document.addEventListener("submit", (event) => {
  if (event.target !== input()?.form || !list()) return;
  event.preventDefault();
  search();
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-part]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  showAddress(link.closest(".pages") ? turned : undefined);
});
addEventListener("popstate", () => {
  if (input() && list()) showAddress();
});
