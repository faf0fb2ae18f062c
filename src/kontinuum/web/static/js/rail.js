// What waits, in numbers, at the side of every page. One tab holds the line to the server, whichever gets the lock;
// the others hear of it from that tab. Numbers that are not known to hold any more are not shown as if they did.

const KEPT = "kontinuum-work";
const OLD = 50_000; // the server says every twenty seconds that it is there
const ASK = 60_000;
const COOKIE = "kontinuum_rail";

// Of this page's session alone: a page of somebody who has left is told nothing of who came after.
const address = () => `/inbox/count?${new URLSearchParams({ session: document.body.dataset.session })}`;

export function startRail() {
  const rail = document.querySelector("[data-rail]");
  if (!rail) return;
  foldable(rail);
  if ("live" in rail.dataset) live(rail);
}

function foldable(rail) {
  const toggle = rail.querySelector("[data-rail-toggle]");
  toggle.addEventListener("click", () => {
    const open = document.body.classList.toggle("rail-open");
    toggle.setAttribute("aria-expanded", String(open));
    document.cookie = `${COOKIE}=${open ? "open" : "closed"}; path=/; max-age=31536000; samesite=lax`;
  });
}

function live(rail) {
  const key = `${KEPT}-${document.body.dataset.session}-${document.body.dataset.assignment}`;
  const tabs = new BroadcastChannel(key);
  let known = JSON.parse(sessionStorage.getItem(key) ?? "null") ?? { at: 0 };
  let asked = Date.now();

  function show() {
    const old = Date.now() - known.at > OLD || Boolean(known.broken);
    for (const place of rail.querySelectorAll("[data-count]")) {
      const many = known[place.dataset.count] ?? 0;
      const text = many > 99 ? "99+" : String(many || "");
      if (place.textContent !== text) place.textContent = text;
      place.title = many === 1 ? place.dataset.one : place.dataset.many.replace("#", many);
    }
    const state = rail.querySelector("[data-rail-state]");
    // A page that has only just opened has not had its first answer: it says nothing yet.
    const silent = !old || !known.at || Date.now() - asked < 5_000;
    rail.classList.toggle("is-old", old);
    if (state.hidden !== silent) {
      const time = new Date(known.at).toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" });
      state.textContent = silent ? "" : state.dataset.since.replace("#", time);
      state.hidden = silent;
    }
  }

  function take(told) {
    const before = known.mark;
    known = told;
    sessionStorage.setItem(key, JSON.stringify(known));
    show();
    if (!known.broken && before !== known.mark) {
      document.dispatchEvent(new CustomEvent("work-changed"));
    }
  }

  function tell(told) {
    take(told);
    tabs.postMessage(told);
  }

  // For what cannot keep a line open, and while it is broken.
  async function ask() {
    try {
      const answer = await fetch(address(), { headers: { accept: "application/json", "hx-request": "true" } });
      if (answer.ok) take({ ...(await answer.json()), mark: known.mark, at: Date.now() });
    } catch {
      // What stands there says since when it has stood.
    }
  }

  tabs.addEventListener("message", ({ data }) => {
    if (data !== "who") take(data);
    else if (holds) tabs.postMessage(known);
  });
  let holds = false;
  show();
  setInterval(() => {
    show();
    const old = Date.now() - known.at > OLD;
    if (old && document.visibilityState === "visible" && Date.now() - asked > ASK) {
      asked = Date.now();
      ask();
    }
  }, 2_000);
  if (!navigator.locks) return void ask();
  tabs.postMessage("who");
  navigator.locks.request(key, () => {
    holds = true;
    return line(() => known, tell);
  });
}

// The line to the server, for as long as the page lives.
function line(known, tell) {
  let source = null;
  let again = 0;

  function open() {
    clearTimeout(again);
    source?.close();
    source = new EventSource(address());
    const here = (event) => tell({ ...known(), mark: event.lastEventId, at: Date.now(), broken: false });
    source.addEventListener("here", here);
    source.addEventListener("same", here);
    source.addEventListener("work", (event) => {
      tell({ ...JSON.parse(event.data), mark: event.lastEventId, at: Date.now() });
    });
    source.addEventListener("end", () => source.close()); // locked or ended: opened anew when it is unlocked
    source.addEventListener("error", () => {
      tell({ ...known(), broken: true });
      if (source.readyState === EventSource.CLOSED) again = setTimeout(open, 30_000 + Math.random() * 10_000);
    });
  }

  new BroadcastChannel("kontinuum-session").addEventListener("message", ({ data }) => data === "unlocked" && open());
  open();
  return new Promise(() => {});
}
