// The list of what waits: marking all at once, and what came meanwhile, which waits until it is asked for.

export function startInbox() {
  for (const all of document.querySelectorAll("[data-mark-all]")) {
    all.addEventListener("change", () => {
      for (const one of all.form.querySelectorAll("input[name=item]")) one.checked = all.checked;
    });
  }
  const place = document.querySelector("[data-inbox-new]");
  if (!place) return;
  const { shown, of, one, many, other } = place.dataset;
  let first = true;
  document.addEventListener("work-changed", async () => {
    // The first answer is about what the page shows already, unless something came between.
    try {
      const address = `/inbox/count?since=${shown}&of=${of}`;
      const answer = await fetch(address, { headers: { accept: "application/json", "hx-request": "true" } });
      if (!answer.ok) return;
      const { newer } = await answer.json();
      if (newer || !first) {
        place.querySelector("button").textContent = newer > 1 ? many.replace("#", newer) : newer ? one : other;
        place.hidden = false;
      }
      first = false;
    } catch {
      // The line is broken, which the rail says.
    }
  });
}
