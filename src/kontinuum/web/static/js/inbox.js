// How much waits, beside the link to it; asked anew while the page is seen. And marking all at once.

const ASK = 60_000;
const KEPT = "kontinuum-inbox";

export function startInbox() {
  for (const all of document.querySelectorAll("[data-mark-all]")) {
    all.addEventListener("change", () => {
      for (const one of all.form.querySelectorAll("input[name=item]")) one.checked = all.checked;
    });
  }
  const place = document.querySelector("[data-inbox-count]");
  if (!place) return;
  const key = `${KEPT}-${document.body.dataset.session}-${document.body.dataset.assignment}`;

  function show(count) {
    place.textContent = count > 99 ? "99+" : count || "";
    place.title = count === 1 ? place.dataset.one : place.dataset.many.replace("#", count);
  }

  async function ask() {
    if (document.visibilityState !== "visible") return;
    try {
      const answer = await fetch("/inbox/count", { headers: { accept: "application/json", "hx-request": "true" } });
      if (!answer.ok) return;
      const { own } = await answer.json();
      sessionStorage.setItem(key, own);
      show(own);
    } catch {
      // The number that stands there is the last one known.
    }
  }

  const known = sessionStorage.getItem(key);
  if (known !== null) show(Number(known));
  ask();
  setInterval(ask, ASK);
  document.addEventListener("visibilitychange", ask);
}
