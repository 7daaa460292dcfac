"use strict";
// Runs before the first paint, so that a dark page never flashes white.
(() => {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => { try { return localStorage.getItem("ad-stream-theme"); } catch { return null; } };
  const paint = () => {
    document.documentElement.dataset.theme = chosen() || (system.matches ? "dark" : "light");
    window.dispatchEvent(new Event("theme"));
  };
  window.switchTheme = () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("ad-stream-theme", next); } catch { document.documentElement.dataset.theme = next; }
    paint();
  };
  system.addEventListener("change", paint);
  paint();
})();
