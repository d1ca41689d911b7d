// Runs before the first paint, so that a chosen theme does not flash as the other one, and nothing
// moves when what needs scripts is shown.
document.documentElement.dataset.js = "";
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage can be forbidden; the system's theme is used then.
}

document.addEventListener("DOMContentLoaded", () => {
  const root = document.documentElement;
  const button = document.querySelector("#theme");
  if (!button) return;
  const isDark = () =>
    root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  show();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // Then it lasts until the page is left.
    }
    show();
  });
});
