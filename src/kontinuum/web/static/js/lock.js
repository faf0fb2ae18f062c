// The locked screen. The page is covered, not left: what was being written is there again after unlocking.
// The server decides; this only asks it, tells it that the person is there, and covers what is on the screen.

import { parsed } from "./asking.js";
import { forgetEverything, somethingUnsent } from "./unsent.js";

const ASK = 20_000;
const ASK_WHILE_LOCKED = 2_000;
const TELL = 60_000;
const ACTIVITY = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

export function startLock() {
  const { person, assignment, lockAfter } = document.body.dataset;
  let { session } = document.body.dataset;
  if (!session) return;
  const dialog = document.getElementById("lock");
  const windows = new BroadcastChannel("kontinuum-session");
  const limit = Number(lockAfter) * 1000;
  const headers = { "x-csrf-token": dialog.dataset.csrf, "x-lock": "by-hand" };
  let active = Date.now();
  let told = Date.now();
  let locked = false;
  let turn = 0; // counts covering and uncovering: an answer from before the last of them is out of date
  let untold = ""; // why this window locked, until the server has heard of it
  let asking = 0;
  let title = document.title;
  let kept = false; // whether the browser kept this page and brought it back

  const send = (path, extra = {}) => fetch(path, { method: "POST", headers: { ...headers, ...extra } });

  function cover() {
    if (locked) return;
    locked = true;
    turn += 1;
    for (const open of document.querySelectorAll("dialog[open]:not(#lock)")) open.close();
    document.documentElement.classList.add("is-locked");
    title = document.title; // it may name a patient
    document.title = dialog.querySelector("h2").textContent;
    dialog.showModal();
    schedule();
  }

  function uncover() {
    if (!locked) return;
    if (kept && !somethingUnsent()) return void location.reload();
    kept = locked = false;
    turn += 1;
    untold = "";
    active = told = Date.now();
    document.documentElement.classList.remove("is-locked");
    document.title = title;
    dialog.close();
    schedule();
  }

  async function ask() {
    const asked = turn;
    try {
      if (untold) await tell();
      const answer = await fetch("/session", { headers: { accept: "application/json" } });
      if (!answer.ok) return;
      const known = await answer.json();
      if (known.state === "ended") end();
      else if (known.session !== session) await follow(known);
      else if (known.assignment !== assignment) location.reload();
      else if (known.state === "locked") cover();
      else if (asked === turn && !untold) uncover();
    } catch {
      // Without the server nothing is unlocked; what is on the screen stays as it is.
    }
  }

  // What was typed and not sent stays under the cover until its writer has signed in again.
  function end() {
    if (!somethingUnsent()) return void location.assign("/sign-in");
    say(true);
    cover();
  }

  // Another session is open in this browser. Its token goes into the forms when it is the same person's.
  async function follow(known) {
    if (known.person !== person || known.assignment !== assignment || !somethingUnsent()) {
      cover();
      forgetEverything();
      return void location.assign("/");
    }
    if (known.state !== "open") return;
    const page = parsed(await (await fetch("/unlocked")).text());
    const token = page.getElementById("lock")?.dataset.csrf;
    if (!token) return;
    for (const field of document.querySelectorAll('input[name="csrf"]')) field.value = token;
    document.body.setAttribute("hx-headers", JSON.stringify({ "x-csrf-token": token }));
    headers["x-csrf-token"] = dialog.dataset.csrf = token;
    session = document.body.dataset.session = known.session;
    say(false);
    uncover();
  }

  function say(ended) {
    dialog.querySelector("[data-lock-ended]").hidden = !ended;
    dialog.querySelector("[data-lock-locked]").hidden = ended;
    const heading = dialog.querySelector("[data-lock-heading]");
    heading.textContent = ended ? heading.dataset.ended : heading.dataset.locked;
  }

  function schedule() {
    clearInterval(asking);
    asking = setInterval(ask, locked ? ASK_WHILE_LOCKED : ASK);
  }

  async function lock(why) {
    cover();
    windows.postMessage("locked");
    untold = why;
    try {
      await tell();
    } catch {
      // The screen is covered all the same, and the server is told when it is asked the next time.
    }
  }

  async function tell() {
    const saidIn = turn;
    await send("/lock", { "x-lock": untold });
    if (saidIn === turn) untold = "";
  }

  function noteActivity() {
    if (locked) return;
    const now = Date.now();
    if (now - active >= limit) return; // the clock of a machine that slept: too late to be active
    if (now - active > 1000) windows.postMessage("active");
    active = now;
    if (now - told > Math.min(TELL, limit / 3)) {
      told = now;
      send("/session/active").then((answer) => answer.status === 423 && cover(), () => {});
    }
  }

  async function unlock(event) {
    const failed = dialog.querySelector("[data-lock-failed]");
    failed.hidden = true;
    const address = event.currentTarget.dataset.unlock;
    if (address) {
      // In a window of its own, so that this page stays. Without one, the person comes back to this address.
      if (window.open(address, "kontinuum-unlock", "popup,width=520,height=720")) event.preventDefault();
      return;
    }
    event.preventDefault();
    try {
      const answer = await send("/unlock");
      if (!answer.ok) return void location.reload();
      uncover();
      windows.postMessage("unlocked");
    } catch {
      failed.hidden = false;
    }
  }

  for (const kind of ACTIVITY) document.addEventListener(kind, noteActivity, { capture: true, passive: true });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-lock]")) return;
    event.preventDefault();
    event.target.closest("details")?.removeAttribute("open");
    lock("by-hand");
  });
  dialog.querySelector("form[data-unlock]")?.addEventListener("submit", unlock);
  for (const link of dialog.querySelectorAll("a[data-unlock]")) link.addEventListener("click", unlock);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => locked && dialog.showModal());
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 423) cover();
  });
  document.addEventListener("kontinuum:answer", ({ detail }) => {
    if (detail.status === 423) cover();
    else if (detail.status === 401) ask();
  });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && ask());
  // A page that comes back shows what was true when it was left: it stays covered until the server has said whose
  // session this is now, and is then read anew.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    kept = true;
    cover();
    ask();
  });
  windows.addEventListener("message", ({ data }) => {
    if (data === "active") active = Date.now();
    else if (data === "locked") cover();
    else if (data === "unlocked") ask();
  });
  setInterval(() => !locked && Date.now() - active >= limit && lock("idle"), 1000);
  schedule();
  if (document.querySelector("[data-unlocked]")) {
    windows.postMessage("unlocked");
    window.close();
  }
}
