// Runs before the first paint, so that a chosen theme does not flash as the other one, and nothing
// moves when what needs scripts is shown.
document.documentElement.dataset.js = "";
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage can be forbidden; the system's theme is used then.
}
