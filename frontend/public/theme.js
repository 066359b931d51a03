// Runs before the first paint, so that a dark page is never white first. Not a module for that.
(() => {
  let wanted = null;
  try {
    wanted = localStorage.getItem("tallymark-theme");
  } catch {
    // storage may be forbidden: then the system decides
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = wanted === "light" || wanted === "dark" ? wanted : dark ? "dark" : "light";
  document.documentElement.dataset.bsTheme = theme;
})();
