// Opens and closes the trend under a measurement; the drawing itself is loaded when the first one is opened.

function close(link, panel) {
  link.setAttribute("aria-expanded", "false");
  panel.hidden = true;
  panel.replaceChildren();
}

export function startTrends() {
  // Before htmx hears of it: a second click closes instead of fetching again.
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest("[data-trend]");
      if (!link) return;
      const panel = document.getElementById(link.getAttribute("aria-controls"));
      if (link.getAttribute("aria-expanded") === "true") {
        event.preventDefault();
        event.stopPropagation();
        close(link, panel);
      } else {
        link.setAttribute("aria-expanded", "true");
        panel.hidden = false;
      }
    },
    { capture: true },
  );
  document.addEventListener("htmx:responseError", (event) => {
    const link = event.detail.elt.closest?.("[data-trend]");
    if (link) location.assign(link.href);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.querySelector?.("trend-chart")) import("./trend-chart.js");
  });
  if (document.querySelector("trend-chart")) import("./trend-chart.js");
}
