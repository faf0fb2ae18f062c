// What is typed in a form beside the chart (data-kept) is kept on the server like the draft of a note, and stands in
// the form again wherever it is opened the next time. Values are read from the elements, letter for letter.

import { asSent } from "./as-sent.js";
import { ask, parsed } from "./asking.js";
import { fill, valuesOf } from "./filling.js";

const WAIT = 700;
const AT_MOST = 1600;
const AGAIN = 3000;
const PATIENCE = 10_000;

const forms = new WeakMap();
let mayDrop = async () => true;

// unsent.js, which needs this module, asks before what was typed is dropped.
export const askBeforeDropping = (ask) => (mayDrop = ask);

export function startKept(root = document) {
  const told = root.querySelector("[data-kept-forms]");
  if (!told) return;
  const known = JSON.parse(told.dataset.keptForms);
  for (const form of root.querySelectorAll("form[data-kept]")) {
    if (!forms.has(form)) new Kept(form, told.dataset, known.find((one) => isOf(form, one)));
  }
}

document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && keepForms(document));

export const isKept = (form) => forms.get(form)?.all() ?? false;

// What is to be left is kept first.
export const keepForms = (root, except = null) =>
  Promise.all([...root.querySelectorAll("form[data-kept]")].map((form) => form !== except && forms.get(form)?.save()));

// While a form is on its way nothing of it is kept: it would stand there after it was sent.
export const holdForm = (form) => forms.get(form)?.hold();
export const letGo = (form) => forms.get(form)?.letGo();

// One that an answer brings back may be called otherwise, after what was chosen in it.
function isOf(form, one) {
  const where = (name) => name.replace(/\?[^#]*/, "");
  return one.form === form.dataset.kept || (!one.fields && where(one.form) === where(form.dataset.kept));
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

class Kept {
  constructor(form, words, known = null) {
    forms.set(form, this);
    this.form = form;
    this.words = words;
    this.patient = form.elements.patient.value;
    // As it stands on the server: nothing of it, or what was typed before this page was asked for.
    this.stands = null;
    this.blank = known && !known.fields ? null : valuesOf(asSent(form));
    this.version = 0;
    this.draft = "";
    this.window = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
    this.turn = 0;
    this.timer = null;
    this.firstChange = 0;
    this.sending = null;
    this.held = this.stopped = this.resumed = false;
    this.tell("");
    form.addEventListener("input", () => this.typed());
    form.addEventListener("change", () => this.typed());
    form.addEventListener("submit", (event) => this.submitted(event));
    if (known?.fields) this.goOn(known);
    else if (known) this.cameBack(known);
    else if (words.answered && form.matches("[data-code-form], :has([role=alert])")) this.begun();
    else if (!same(valuesOf(form), this.blank)) this.typed(); // before the scripts had come
  }

  all() {
    return !this.stopped && this.stands !== null && same(valuesOf(this.form), this.stands);
  }

  typed() {
    if (this.resumed) {
      this.resumed = false;
      if (this.draft) this.carry();
    }
    if (this.stopped || this.held) return;
    const now = performance.now();
    this.firstChange ||= now;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), Math.max(0, Math.min(WAIT, this.firstChange + AT_MOST - now)));
  }

  async save() {
    clearTimeout(this.timer);
    while (this.sending) await this.sending;
    this.firstChange = 0;
    const { form } = this;
    if (this.held || this.stopped || !form.isConnected || same(valuesOf(form), this.stands ?? this.blank)) return;
    this.sending = (this.draft && same(valuesOf(form), this.blank) ? this.drop() : this.send()).finally(() => (this.sending = null));
    await this.sending;
  }

  async send() {
    const fields = valuesOf(this.form);
    this.turn += 1;
    const { version, window, turn } = this;
    const body = { form: this.form.dataset.kept, version, window, turn, fields: JSON.stringify(fields) };
    const answer = await this.post("", body);
    if (!answer || answer.status >= 500 || answer.status === 423 || answer.status === 401) return this.tryAgain();
    const told = await answer.json().catch(() => null);
    if (!answer.ok || told?.patient !== this.patient) return this.stop(this.words.refused);
    if ("there" in told) return this.elsewhere(told.there);
    this.stands = fields;
    this.take(told);
    if (!this.resumed) this.tell(`${this.words.saved} ${told.at}`, "startOver");
  }

  // Null for no answer.
  post(below, values) {
    const { csrf } = this.form.elements;
    const body = new URLSearchParams({ csrf: csrf.value, patient: this.patient, ...values });
    const headers = { "x-csrf-token": csrf.value, "hx-request": "true" };
    const address = `/patient/${encodeURIComponent(this.patient)}/kept${below}`;
    return ask(address, { method: "POST", body, headers, signal: AbortSignal.timeout(PATIENCE) }).catch(() => null);
  }

  tryAgain() {
    this.timer = setTimeout(() => this.save(), AGAIN);
    this.tell(this.words.notSaved);
  }

  stop(text, ...button) {
    this.stopped = true;
    this.tell(text, ...button);
  }

  // Another window was first: nothing goes over what stands there, and what stands here is left alone.
  elsewhere(at) {
    if (at) return this.stop(this.words.there.replace("#", at), "fetch");
    this.draft = "";
    this.version = 0;
    this.stands = null;
    this.form.elements.kept?.remove();
    if (this.form.elements.token) this.form.elements.token.value = crypto.randomUUID();
    this.tell(this.words.gone);
  }

  take(told) {
    this.draft = told.draft;
    this.version = told.version;
    this.carry();
  }

  // What the form is kept as goes with it when it is sent, so that it is kept no longer.
  carry() {
    const { form } = this;
    const field = form.elements.kept ?? form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name: "kept" }));
    field.value = `${this.draft}/${this.version}${this.resumed ? "/resumed" : ""}`;
  }

  goOn(known) {
    const { form } = this;
    this.resumed = true;
    this.take(known);
    const missing = fill(form, known.fields);
    this.stands = valuesOf(form);
    const opened = form.closest("details");
    if (opened) opened.open = true;
    const resumed = this.words.resumed.replace("#", known.at);
    this.tell(missing ? `${resumed} ${this.words.missing}` : resumed, "startOver");
    // A code is shown by the server, as when it is chosen.
    const coded = known.fields.some(([name, value]) => ["code", "free", "single"].includes(name) && value);
    if (coded && form.matches("[data-code-form]")) setTimeout(() => form.isConnected && form.requestSubmit());
  }

  cameBack(known) {
    this.form.dataset.kept = known.form;
    this.resumed = known.resumed;
    this.take(known);
    if (known.resumed) this.stands = valuesOf(this.form);
    else this.begun();
    this.tell(known.resumed ? this.words.resumed.replace("#", known.at) : `${this.words.saved} ${known.at}`, "startOver");
  }

  begun() {
    this.blank = null;
    this.typed();
  }

  async drop() {
    const answer = await this.post("/drop", { draft: this.draft });
    if (!answer?.ok) return this.tryAgain();
    this.draft = "";
    this.version = 0;
    this.stands = null;
    this.form.elements.kept?.remove();
    this.tell("");
  }

  async startOver() {
    await this.hold();
    const answer = await this.post("/drop", { draft: this.draft });
    const { draft } = this;
    const fresh = answer?.ok && (await this.renew());
    if (!fresh) return this.letGo();
    fresh.draft = draft;
    fresh.tell(this.words.dropped, "undo");
    (fresh.form.querySelector("[data-focus]") ?? fresh.form.querySelector("textarea, input:not([type=hidden])"))?.focus();
  }

  async undo() {
    const answer = await this.post("/restore", { draft: this.draft });
    const told = answer?.ok ? await answer.json() : null;
    if (told?.patient === this.patient) this.goOn(told);
  }

  async fetch() {
    if (await mayDrop(this.form.parentElement)) await this.renew();
  }

  // The form as the server makes it now, in the place of this one; null when it cannot be had.
  async renew() {
    const { form } = this;
    const name = form.dataset.kept;
    const address = `/patient/${encodeURIComponent(this.patient)}/${name.split("#")[0]}`;
    const answer = await ask(address, { headers: { "hx-request": "true", "x-beside": "1" } }).catch(() => null);
    const made = answer?.ok ? parsed(await answer.text()) : null;
    const found = made?.querySelector(`form[data-kept="${CSS.escape(name)}"]`);
    if (found?.elements.patient?.value !== this.patient || !form.isConnected) return null;
    const known = JSON.parse(made.querySelector("[data-kept-forms]").dataset.keptForms);
    form.replaceWith(document.adoptNode(found));
    return new Kept(found, this.words, known.find((one) => one.form === name));
  }

  async hold() {
    this.held = true;
    clearTimeout(this.timer);
    await this.sending;
  }

  letGo() {
    this.held = false;
    if (!this.draft && same(valuesOf(this.form), this.blank)) return;
    this.stands = null; // what stands there now may be another window's
    this.typed();
  }

  // Beside the chart, beside.js holds the form and sends it.
  async submitted(event) {
    if (this.form.closest("[data-beside-pane]")) return;
    const held = this.hold();
    if (!this.sending) return;
    event.preventDefault();
    await held;
    this.form.requestSubmit(event.submitter);
  }

  tell(text, does = "") {
    let line = this.form.querySelector("[data-kept-line]");
    if (!line) {
      line = Object.assign(document.createElement("p"), { className: "kept-line" });
      line.dataset.keptLine = "";
      const said = document.createElement("span");
      said.setAttribute("role", "status");
      line.append(said);
      const head = this.form.querySelector(".noting-head");
      if (head) head.querySelector("h3").after(line);
      else this.form.append(line);
    }
    const [said, button] = line.children;
    if (said.textContent !== text) said.textContent = text;
    if (button?.dataset.does === does) return;
    button?.remove();
    if (!does) return;
    const made = Object.assign(document.createElement("button"), { type: "button", className: "link-button", textContent: this.words[does] });
    made.dataset.does = does;
    made.addEventListener("click", () => this[does]());
    line.append(made);
  }
}
