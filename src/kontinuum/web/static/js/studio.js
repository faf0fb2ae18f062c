// The template studio: every keystroke is kept on the server, and how the template looks follows.

import { asSent } from "./as-sent.js";

const WAIT = 700;
const AT_MOST = 1600;
const AGAIN = 3000;
const MOVES = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "in", ArrowLeft: "out", Insert: "add" };

export function startStudio() {
  const form = document.querySelector("form[data-studio]");
  if (form) new Studio(form);
}

class Studio {
  constructor(form) {
    this.form = form;
    this.tried = document.querySelector("form[data-try]");
    this.state = form.querySelector("[data-state]");
    this.kept = this.written(asSent(form));
    this.timer = null;
    this.firstChange = 0;
    this.sending = null;
    this.stopped = false;
    form.addEventListener("input", (event) => this.changed(event));
    form.addEventListener("submit", (event) => this.submit(event));
    form.addEventListener("keydown", (event) => this.key(event));
    form.addEventListener("kontinuum:sorted", (event) => this.sorted(event));
    this.tried.addEventListener("input", () => this.later());
    this.tried.addEventListener("submit", (event) => event.preventDefault());
    for (const step of document.querySelectorAll("form[data-step]"))
      step.addEventListener("submit", (event) => this.leave(event, step));
    document.addEventListener("click", (event) => this.goTo(event));
    window.addEventListener("beforeunload", (event) => {
      if (!this.left && this.unsaved()) event.preventDefault();
    });
    if (this.unsaved()) this.later();
  }

  written(form = this.form) {
    return this.values(form, "").toString();
  }

  unsaved() {
    return this.written() !== this.kept;
  }

  values(form, stem) {
    const found = new URLSearchParams();
    for (const element of form.elements) {
      if (!element.name || element.type === "submit" || element.name === "version") continue;
      if ((element.type === "radio" || element.type === "checkbox") && !element.checked) continue;
      found.append(stem + element.name, element.value);
    }
    return found;
  }

  changed(event) {
    const label = event.target.closest("[data-number]")?.querySelector("[data-label]");
    if (label && event.target.matches("[data-text]") && event.target.value) label.textContent = event.target.value;
    // Another kind of answer has other fields.
    if (event.target.matches("[data-reload]")) return this.reload(event.target.closest("[data-number]").dataset.number);
    this.later();
  }

  later() {
    const now = performance.now();
    this.firstChange ||= now;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), Math.max(0, Math.min(WAIT, this.firstChange + AT_MOST - now)));
  }

  async save() {
    clearTimeout(this.timer);
    while (this.sending) await this.sending;
    if (this.stopped) return;
    this.firstChange = 0;
    this.sending = this.send().finally(() => (this.sending = null));
    await this.sending;
  }

  async send() {
    const values = this.values(this.form, "");
    const now = values.toString();
    values.append("version", this.form.elements.version.value);
    const tried = this.values(this.tried, "try:");
    for (const [name, value] of tried) values.append(name, value);
    let answer;
    try {
      answer = await fetch(this.form.dataset.studio, {
        method: "POST",
        body: values,
        headers: { "x-csrf-token": this.form.elements.csrf.value, "hx-request": "true" },
      });
    } catch {
      return this.again();
    }
    if (answer.status >= 500 || answer.status === 423 || answer.status === 401) return this.again();
    const told = answer.headers.get("content-type")?.includes("json") ? await answer.json() : {};
    if (!answer.ok) {
      this.stopped = true;
      return this.tell(told.refused ?? this.form.dataset.notSaved, true);
    }
    this.kept = now;
    this.form.elements.version.value = told.version;
    this.tell(`${this.form.dataset.saved} ${told.saved}`);
    document.querySelector("[data-remarks]").innerHTML = told.remarks;
    // What was tried meanwhile is on its way already, and must not be taken back.
    if (this.values(this.tried, "try:").toString() === tried.toString()) this.show(told.preview);
  }

  // What is being tried keeps the keyboard where it was.
  show(html) {
    const place = this.tried.querySelector("[data-preview]");
    const active = place.contains(document.activeElement) ? document.activeElement : null;
    const { name, value, type } = active ?? {};
    const at = active?.selectionStart;
    place.innerHTML = html;
    if (!name) return;
    const same = [...place.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
    const again = same.find((one) => type !== "radio" && type !== "checkbox" || one.value === value) ?? same[0];
    again?.focus({ preventScroll: true });
    if (again && at != null && "setSelectionRange" in again && again.type !== "number") {
      try {
        again.setSelectionRange(at, at);
      } catch {
        return;
      }
    }
  }

  again() {
    this.tell(this.form.dataset.notSaved, true);
    this.timer = setTimeout(() => this.save(), AGAIN);
  }

  tell(text, wrong = false) {
    this.state.textContent = text;
    this.state.classList.toggle("failed", wrong);
  }

  // Adding and moving sends everything that stands in the fields along.
  async submit(event) {
    if (this.left) return;
    event.preventDefault();
    const button = event.submitter;
    if (!button || button.value === "none") return this.save();
    if (this.sending) await this.sending;
    clearTimeout(this.timer);
    if (this.stopped) return;
    this.sendOn(this.form, button);
  }

  async reload(number) {
    await this.save();
    if (this.unsaved()) return;
    this.left = true;
    const address = new URL(window.location.href);
    address.searchParams.set("at", number);
    address.hash = "";
    window.location.replace(address);
  }

  async leave(event, step) {
    if (this.left) return;
    event.preventDefault();
    const button = event.submitter;
    if (this.unsaved()) await this.save();
    if (this.unsaved()) return;
    this.sendOn(step, button);
  }

  // A form that is just being sent takes no second sending: it comes when this one is over.
  sendOn(form, button) {
    this.left = true;
    setTimeout(() => form.requestSubmit(button));
  }

  key(event) {
    const what = event.altKey && !event.ctrlKey && !event.metaKey ? MOVES[event.key] : undefined;
    const item = event.target.closest("[data-number]");
    if (what && item) {
      event.preventDefault();
      item.querySelector(`[data-move="${what}"]`)?.click();
    }
  }

  // An item that was dragged is put before another one by the server, or last.
  sorted(event) {
    event.preventDefault();
    const { row, next } = event.detail;
    const button = this.form.querySelector("[data-sorted]");
    button.value = `before:${row.dataset.number}:${next?.dataset.number ?? ""}`;
    this.form.requestSubmit(button);
  }

  goTo(event) {
    const link = event.target.closest("[data-goto]");
    if (!link) return;
    event.preventDefault();
    const item = document.getElementById(`item-${link.dataset.goto}`);
    item.querySelector("details").open = true;
    item.querySelector("[data-text]").focus();
  }
}
