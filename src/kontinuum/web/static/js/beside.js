// A page beside the chart: where there is room, links that are marked open next to what is being read.
// The pane is always about the patient of the chart. What is written about another patient leads to that
// patient's chart, so that no pane ever stands beside somebody else's record.

import { ask, parsed } from "./asking.js";
import { holdForm, letGo, startKept } from "./kept.js";
import { agreed, broughtBack, forget, leave } from "./unsent.js";
import { startSplit } from "./split.js";
import { keepWriting, resumeWriting, startWriting, stopWriting } from "./writing.js";

// Beside the chart, or below it on a tablet that stands; the same widths stand in beside.css.
const ROOM = matchMedia("(min-width: 64rem), (min-width: 48rem) and (min-height: 40rem)");

const FIRST = "a, input:not([type=hidden]), select, textarea, button";

export function startBeside() {
  const pane = document.querySelector("[data-beside-pane]");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-beside]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    const [, chart, below] = link.pathname.match(/^(\/patient\/[^/]+)\/(.+)$/) ?? [];
    if (!chart || !ROOM.matches) return;
    event.preventDefault();
    if (pane && location.pathname === chart) new Beside(pane).open(below + link.search);
    else leave().then((kept) => kept && location.assign(beside(chart, below + link.search)));
  });
  document.addEventListener("submit", (event) => {
    // A form on the chart whose answer is a page of its own: it stands beside the chart where there is room.
    if (!pane || !event.target.matches("form[data-opens-beside]") || !ROOM.matches) return;
    event.preventDefault();
    leave(pane).then((kept) => kept && new Beside(pane).send(event.target, event.submitter));
  });
  standBelowBanner(pane ?? document.querySelector("form.writing"));
  if (!pane) return;
  startSplit(pane.querySelector("[data-beside-split]"));
  const first = pane.dataset.first;
  if (first && ROOM.matches) new Beside(pane).open(first);
  else if (first) location.replace(`${location.pathname}/${first}`);
  pane.querySelector("[data-beside-close]").addEventListener("click", () => new Beside(pane).close());
  pane.addEventListener("submit", (event) => new Beside(pane).submit(event));
}

// Tells what sticks below the banner how high that is; where there is little room only its fixed part stays.
// On the place, not on the root: there it would have every element of the chart styled once more.
function standBelowBanner(place) {
  const parts = document.querySelectorAll(".banner, .banner-fixed");
  if (!place || !parts.length) return;
  const measure = () => {
    const stays = [...parts].find((one) => one.offsetHeight && getComputedStyle(one).position === "sticky");
    place.style.setProperty("--banner-height", `${stays?.offsetHeight ?? 0}px`);
  };
  const seen = new ResizeObserver(measure);
  for (const part of parts) seen.observe(part);
  measure();
}

const beside = (chart, below) => `${chart}?${new URLSearchParams({ beside: below })}`;

let turn = 0;

class Beside {
  constructor(pane) {
    this.pane = pane;
    this.content = pane.querySelector("[data-beside-content]");
    this.chart = location.pathname;
  }

  async open(below) {
    if (!(await leave(this.content))) return;
    const asked = (turn += 1);
    const answer = await this.ask(`${this.chart}/${below}`);
    // A later question was asked meanwhile: this answer is about what is no longer wanted.
    if (asked !== turn || !answer) return;
    if (this.show(await answer.text())) history.replaceState(null, "", beside(this.chart, below));
  }

  async ask(address, more = {}, form = null) {
    const headers = { "hx-request": "true", "x-beside": "1", ...more.headers };
    let reasons = [];
    try {
      const answer = await ask(address, { ...more, headers });
      const elsewhere = answer.headers.get("hx-redirect");
      // With an ended session the screen is covered, and what is on the page stays there (lock.js).
      if (elsewhere && answer.status !== 401) {
        if (form) forget([form]);
        return void this.go(new URL(elsewhere, location.href));
      }
      if (answer.ok) return answer;
      reasons = reasonsIn(await answer.text());
    } catch {
      // Told below, as any other answer that is none.
    }
    this.failed(form, reasons);
    return null;
  }

  // What is in a form stays in it, and the form can be sent again.
  failed(form = null, reasons = []) {
    if (form) letGo(form);
    if (form?.matches(".writing-discard")) resumeWriting();
    const state = this.content.querySelector("[data-state]");
    if (form && !form.matches("[data-writing]")) tell(form, [this.pane.dataset.unsent, ...reasons].join(" "));
    else if (state) state.textContent = this.pane.dataset.failed;
    else if (this.content.querySelector("form")) tell(this.content, this.pane.dataset.failed);
    else this.content.textContent = this.pane.dataset.failed;
    this.pane.hidden = this.pane.hidden && this.content.childNodes.length === 0;
  }

  go(address) {
    const inside = ["journal/", "vitals/entry"].some((below) => address.pathname.startsWith(`${this.chart}/${below}`));
    // The chart changes with what was done: it is read again, with the page that the answer leads to beside it.
    if (address.pathname === this.chart && address.search) return void location.replace(address);
    if (inside) return this.open(address.pathname.slice(this.chart.length + 1) + address.search);
    history.replaceState(null, "", this.chart);
    location.replace(address);
    if (address.pathname === this.chart) location.reload();
  }

  // Nothing of another patient is put beside this chart, whatever the answer holds.
  show(html, form = null) {
    const made = parsed(html);
    const patient = made.querySelector("[data-patient]")?.dataset.patient;
    const own = document.querySelector(".banner[data-patient]")?.dataset.patient;
    if (!patient || patient !== own) return this.failed(form);
    this.content.replaceChildren(...document.adoptNode(made.body).childNodes);
    this.pane.hidden = false;
    document.documentElement.classList.add("has-beside");
    this.content.scrollTop = 0;
    if (form) broughtBack(this.content);
    startKept(this.content);
    startWriting(this.content);
    const first = this.content.querySelector("[data-focus]") ?? this.content.querySelector(FIRST);
    const { activeElement } = document;
    if (activeElement === this.content || !this.content.contains(activeElement)) first?.focus();
    return true;
  }

  async close() {
    if (!(await leave(this.content))) return;
    turn += 1;
    this.content.replaceChildren();
    this.pane.hidden = true;
    document.documentElement.classList.remove("has-beside");
    history.replaceState(null, "", this.chart);
    // Whoever goes on at another workstation finds the pane closed there too.
    const headers = { "x-csrf-token": document.getElementById("lock").dataset.csrf };
    await fetch("/session/active", { method: "POST", headers, body: new URLSearchParams({ page: this.chart }) }).catch(() => {});
  }

  async submit(event) {
    const form = event.target;
    event.preventDefault();
    if (!(await agreed(this.content, form))) return;
    if (form.matches("[data-writing]") && !(await keepWriting(form))) return;
    if (form.matches(".writing-discard")) await stopWriting();
    await this.send(form, event.submitter);
  }

  async send(form, submitter) {
    await holdForm(form);
    const body = new URLSearchParams();
    // Values are read from the elements: the browser's form encoding would change line ends.
    for (const element of form.elements) {
      if (!element.name || element.type === "submit") continue;
      if ((element.type === "radio" || element.type === "checkbox") && !element.checked) continue;
      body.append(element.name, element.value);
    }
    if (submitter?.name) body.append(submitter.name, submitter.value);
    form.querySelector("[data-unsent]")?.remove();
    const headers = { "x-csrf-token": form.elements.csrf.value };
    // A button may be of another deed than its form. Read as attributes: a field may be called "action".
    const to = submitter?.getAttribute("formaction") ?? form.getAttribute("action");
    const answer = await this.ask(to, { method: "POST", body, headers }, form);
    if (answer && this.show(await answer.text(), form) && form.matches("[data-opens-beside]")) form.reset();
  }
}

// Why something was refused, as its page says it.
function reasonsIn(html) {
  const made = parsed(html);
  return [...made.querySelectorAll("[data-reason]")].map((reason) => reason.textContent);
}

function tell(place, text) {
  place.querySelector("[data-unsent]")?.remove();
  const alert = Object.assign(document.createElement("p"), { className: "writing-alert", textContent: text });
  alert.setAttribute("role", "alert");
  alert.dataset.unsent = "";
  const head = place.querySelector(".noting-head");
  if (head) head.after(alert);
  else place.prepend(alert);
}
