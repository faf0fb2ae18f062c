// An entry beside the timeline: where there is room, its text is read next to the list. And the key that leads to
// the search inside the chart. Nothing of another patient is put beside the list, whatever an answer holds.

import { ask, parsed } from "./asking.js";
import { lettersOff } from "./letters.js";

const ROOM = matchMedia("(min-width: 64rem)");
const TYPING = "input, textarea, select, [contenteditable], dialog";

export function startTimeline() {
  const box = document.querySelector("[data-chart-search]");
  document.addEventListener("keydown", (event) => {
    const letter = event.key.toLowerCase();
    const plain = letter === "s" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest(TYPING) &&
      !lettersOff();
    const everywhere = letter === "f" && (event.ctrlKey || event.metaKey) && event.shiftKey;
    if (!box || document.querySelector("dialog[open]") || !(plain || everywhere) || event.defaultPrevented) return;
    event.preventDefault();
    const field = document.getElementById("search-words") ?? box;
    field.focus();
    field.select();
  });
  const pane = document.querySelector("[data-reading-pane]");
  if (pane) new Reading(pane);
}

class Reading {
  constructor(pane) {
    this.pane = pane;
    this.content = pane.querySelector("[data-reading-content]");
    this.turn = 0;
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-reading]");
      if (!link || !ROOM.matches || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      this.open(link);
    });
    pane.querySelector("[data-reading-close]").addEventListener("click", () => this.close());
    pane.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    const first = [...document.querySelectorAll("a[data-reading]")].find((link) => below(link) === pane.dataset.first);
    if (first && ROOM.matches) this.open(first);
  }

  async open(link) {
    const asked = (this.turn += 1);
    const html = await ask(link.href, { headers: { "hx-request": "true" } }).then(
      (answer) => (answer.ok && !answer.headers.has("hx-redirect") ? answer.text() : null),
      () => null,
    );
    if (asked !== this.turn) return;
    if (html === null || !this.show(html)) this.content.textContent = this.pane.dataset.failed;
    this.current?.removeAttribute("aria-current");
    this.current = link;
    link.setAttribute("aria-current", "true");
    this.pane.hidden = false;
    this.pane.scrollTop = 0;
    address((query) => query.set("open", below(link)));
  }

  show(html) {
    const made = parsed(html);
    const patient = made.querySelector("[data-patient]")?.dataset.patient;
    if (!patient || patient !== document.querySelector(".banner[data-patient]")?.dataset.patient) return false;
    this.content.replaceChildren(...document.adoptNode(made.body).childNodes);
    return true;
  }

  close() {
    this.turn += 1;
    this.pane.hidden = true;
    this.content.replaceChildren();
    this.current?.removeAttribute("aria-current");
    this.current?.focus();
    address((query) => query.delete("open"));
  }
}

const below = (link) => link.pathname.split("/timeline/entry/")[1];

function address(change) {
  const here = new URL(location.href);
  change(here.searchParams);
  history.replaceState(null, "", here);
}
