// The writing pane: every keystroke is kept on the server, and what follows from it is shown.
// Values are read from the elements, never from the browser's form encoding, which changes line ends.

import { asSent } from "./as-sent.js";
import { ask } from "./asking.js";
import { pickCode } from "./codes.js";
import { startFiles } from "./files.js";
import { Keeping } from "./keeping.js";
import { startPhrases } from "./phrases.js";
import { startTogether } from "./together.js";

const WAIT = 700;
const AT_MOST = 1600;
const AGAIN = 3000;
const PATIENCE = 10_000;
const OWN = new Set(["csrf", "patient", "template", "version", "draft", "do", "unfilled", "opened"]);

// The pane that is open, if there is one: who replaces it lets it keep what is in it first.
let open = null;

export function startWriting(root = document) {
  const form = root.querySelector("form[data-writing]");
  open = form ? new Writing(form) : null;
  if (form) startPhrases(form);
  if (!form) return;
  open.files = startFiles(form, open);
  startTogether(form, open);
}

// True when nothing that was written would be lost by leaving.
export async function leaveWriting() {
  if (!open || open.left || !open.form.isConnected) return true;
  if (open.unsaved()) await open.save();
  return !open.unsaved() && !(await open.files?.unsent());
}

export const writingUnsaved = () => Boolean(open && !open.left && open.form.isConnected && (open.unsaved() || open.files?.busy()));

// Somebody else is here now: what the draft holds is the writer's, and nobody is asked about it.
export function forgetWriting() {
  if (open) open.left = true;
}

// What is discarded is not saved once more: no save begins, and the one on its way arrives first.
export async function stopWriting() {
  await open?.stop();
}

export function resumeWriting() {
  if (!open?.form.isConnected || !open.left) return;
  open.left = false;
  open.changed();
}

export async function keepWriting(form) {
  return open && open.form === form ? open.kept() : true;
}

// While a press is still being told of, a form is not sent once more: nothing would happen.
const pressTold = () => new Promise((resolve) => setTimeout(resolve));

// What was merged comes in another order than that of the page.
const inOrder = (fields) => JSON.stringify(Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1)));

class Writing {
  constructor(form) {
    this.form = form;
    this.state = form.querySelector("[data-state]");
    this.patient = form.elements.patient.value;
    this.agreed = this.values(asSent(form));
    this.timer = null;
    this.firstChange = 0;
    this.sending = null;
    // The save whose answer was lost: it is sent again as it was, under its id, before anything else is saved.
    this.lost = null;
    this.saves = "";
    this.left = false;
    // Something of another window's came while the same field was typed in: the next save weaves both together.
    this.behind = false;
    this.files = null;
    this.keeping = new Keeping(form);
    this.bringBack();
    form.addEventListener("input", (event) => this.changed(event.target));
    form.addEventListener("keydown", (event) => this.key(event));
    form.addEventListener("submit", (event) => this.finish(event));
    // A number that is come to is replaced by what is typed: two that run together would be a third one.
    form.addEventListener("focusin", ({ target }) => target.closest(".vitals-number") && target.select());
    form.addEventListener("change", () => this.changed());
    for (const button of form.querySelectorAll("[data-confirm]")) {
      button.hidden = false;
      button.addEventListener("click", () => this.confirm(button));
    }
    window.addEventListener("beforeunload", (event) => {
      if (!this.left && form.isConnected && (this.unsaved() || this.files?.busy())) event.preventDefault();
    });
    window.addEventListener("online", () => {
      if (form.isConnected && this.unsaved()) this.save();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && form.isConnected && this.unsaved()) this.save();
    });
    const first = form.querySelector(".writing-form textarea, .writing-form input:not([type=hidden])");
    const discard = form.parentElement.querySelector(".writing-discard");
    discard.addEventListener("submit", (event) => this.discard(event));
    const wrong = form.querySelector("[aria-invalid=true]");
    if (!form.contains(document.activeElement)) (wrong ?? first)?.focus({ preventScroll: !wrong });
    if (this.unsaved()) this.changed();
  }

  values(form = this.form) {
    const found = {};
    for (const element of form.elements) {
      if (!element.name || OWN.has(element.name)) continue;
      if ((element.type === "radio" || element.type === "checkbox") && !element.checked) continue;
      if (element.value === "") continue;
      (found[element.name] ??= []).push(element.value);
    }
    return found;
  }

  // The id of the draft that files are put beside; one is begun where there is none. Empty when it cannot be.
  async draft() {
    if (!this.form.elements.draft.value) await this.save();
    return this.form.elements.draft.value;
  }

  unsaved() {
    return this.behind || this.lost !== null || inOrder(this.values()) !== inOrder(this.agreed);
  }

  changed(element = null) {
    if (element) this.makeRoom(element);
    const now = performance.now();
    this.firstChange ||= now;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), Math.max(0, Math.min(WAIT, this.firstChange + AT_MOST - now)));
  }

  async save() {
    clearTimeout(this.timer);
    if (this.sending) {
      await this.sending;
      if (!this.unsaved()) return;
    }
    if (this.left) return;
    this.firstChange = 0;
    this.sending = this.send().finally(() => (this.sending = null));
    await this.sending;
  }

  async send() {
    const { version, draft } = this.form.elements;
    const again = this.lost;
    const sent = again ?? {
      values: this.values(),
      own: {
        version: version.value,
        draft: draft.value,
        before: JSON.stringify(this.agreed),
        saving: `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`,
        saves: this.saves,
      },
    };
    const body = new URLSearchParams(sent.own);
    for (const name of ["csrf", "patient", "template"]) body.append(name, this.form.elements[name].value);
    for (const [name, each] of Object.entries(sent.values)) for (const value of each) body.append(name, value);
    let answer;
    try {
      answer = await ask(this.form.dataset.draftAddress, {
        method: "POST",
        body,
        headers: { "x-csrf-token": this.form.elements.csrf.value, "hx-request": "true" },
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch {
      this.lost = sent;
      return this.tryAgain();
    }
    if (answer.status >= 500) this.lost = sent;
    // A locked screen or an ended session is no reason to leave the page: what is written stays on it.
    if (answer.status >= 500 || answer.status === 423 || answer.status === 401) return this.tryAgain();
    this.lost = null;
    if (!answer.ok) return this.tell(this.form.dataset.refused, true);
    const told = await answer.json();
    if (told.patient !== this.patient) return this.tell(this.form.dataset.otherPatient, true);
    this.take(told, sent.values);
    if (again && this.unsaved()) await this.send();
    else if (!this.unsaved()) await this.keeping.drop();
  }

  async tryAgain() {
    this.timer = setTimeout(() => this.save(), AGAIN);
    this.tell(this.form.dataset.notSaved, true);
    const { version, draft } = this.form.elements;
    const { agreed, saves, lost } = this;
    const state = { agreed, saves, lost, version: version.value, draft: draft.value, values: this.values() };
    if (await this.keeping.keep(state)) this.tell(this.form.dataset.notSavedHere, true);
  }

  // A window before this one was closed before the server took what stood in it: this one goes on where that one was.
  async bringBack() {
    const found = await this.keeping.find();
    if (!found) return;
    for (const name of this.takeFields(found.values, this.agreed)) {
      // Typed here already: both stay.
      const [field] = this.named(name);
      const gap = { TEXTAREA: "\n", INPUT: " " }[field?.tagName];
      if (found.values[name] && gap) field.value = `${found.values[name][0]}${gap}${field.value}`;
    }
    this.agreed = found.agreed;
    this.saves = found.saves;
    this.lost = found.lost;
    this.form.elements.version.value = found.version;
    this.form.elements.draft.value = found.draft;
    await this.save();
    if (!this.unsaved()) this.tell(this.form.dataset.broughtBack);
  }

  tell(text, wrong = false) {
    this.state.textContent = text;
    this.state.classList.toggle("failed", wrong);
  }

  take(told, sent) {
    const aside = this.takeFields(told.fields, sent);
    // A version that was not taken in whole is not agreed on: saving over it would take away what is new in it.
    this.behind = aside.length > 0;
    if (!this.behind) this.form.elements.version.value = told.version;
    this.agreed = { ...told.fields };
    for (const name of aside) {
      if (sent[name]) this.agreed[name] = sent[name];
      else delete this.agreed[name];
    }
    this.saves = told.saves ?? "";
    this.form.elements.draft.value = told.draft;
    const discard = this.form.parentElement.querySelector(".writing-discard");
    discard.elements.draft.value = told.draft;
    discard.hidden = false;
    for (const element of this.form.querySelectorAll("[data-item]")) {
      const shown = told.shown[element.dataset.item];
      if (shown !== undefined && element.hidden === shown && !element.contains(document.activeElement)) element.hidden = !shown;
    }
    for (const output of this.form.querySelectorAll("[data-calculated]")) {
      const text = told.calculated[output.dataset.calculated] ?? "";
      if (output.textContent !== text) output.textContent = text;
    }
    for (const place of this.form.querySelectorAll("[data-mark]")) {
      place.dataset.level = told.marks?.[place.dataset.mark] ?? "";
    }
    for (const place of this.form.querySelectorAll("[data-problem]")) {
      const text = told.both[place.dataset.problem] ?? told.problems[place.dataset.problem] ?? "";
      place.textContent = text;
      place.hidden = !text;
      // What was put right is no longer marked; what is wrong is marked at its problem until it is sent.
      if (!text) for (const element of this.named(place.dataset.problem)) element.removeAttribute("aria-invalid");
    }
    // What was copied is marked until it is touched or stood for.
    for (const place of this.form.querySelectorAll("[data-source]")) {
      place.hidden = !(told.sources ?? []).includes(place.dataset.source);
    }
    this.showLines(told.lines);
    this.form.dispatchEvent(new CustomEvent("draft-kept"));
    this.tell(`${this.form.dataset.saved} ${told.saved}`);
  }

  // What another window wrote comes in; what was typed here since the sending stays. Gives the fields with both.
  takeFields(fields, sent) {
    const names = new Set([...Object.keys(fields), ...Object.keys(sent)]);
    const now = this.values();
    const aside = [];
    for (const name of names) {
      const stored = fields[name] ?? [];
      if (JSON.stringify(stored) === JSON.stringify(sent[name] ?? [])) continue;
      if (JSON.stringify(now[name] ?? []) !== JSON.stringify(sent[name] ?? [])) {
        if (JSON.stringify(now[name] ?? []) !== JSON.stringify(stored)) aside.push(name);
        continue;
      }
      for (const [place, element] of this.named(name).entries()) {
        if (element.type === "radio" || element.type === "checkbox") element.checked = stored.includes(element.value);
        else element.value = stored[place] ?? "";
      }
      const coded = this.form.querySelector(`[data-coded="${CSS.escape(name)}"]`);
      if (coded) for (const value of stored) pickCode(coded, value);
      for (const value of stored.slice(this.named(name).length)) {
        const room = this.makeRoom(this.named(name).at(-1));
        if (room) room.value = value;
      }
      this.makeRoom(this.named(name).at(-1));
    }
    return aside;
  }

  // The writer stands for what was copied as it is.
  confirm(button) {
    const field = this.form.elements["~sources"];
    const told = JSON.parse(field.value || "{}");
    const from = told[button.dataset.confirm];
    if (from) from[3] = "1";
    field.value = JSON.stringify(told);
    button.closest("[data-source]").hidden = true;
    this.named(button.dataset.confirm)[0]?.focus();
    this.changed();
  }

  named(name) {
    return [...this.form.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
  }

  // A question with several answers has a place for each, and an empty one after them.
  makeRoom(element) {
    const last = element?.closest("[data-repeats]") && this.named(element.name).at(-1);
    if (!last || last.readOnly || last.value === "") return null;
    const room = last.cloneNode();
    room.removeAttribute("id");
    room.setAttribute("aria-label", this.form.querySelector(`[for="f-${CSS.escape(last.name)}"]`)?.textContent ?? "");
    room.value = "";
    last.after(room);
    return room;
  }

  showLines(lines) {
    const made = lines.map((line) => {
      const part = document.createElement("p");
      if (line.kind === "heading") {
        part.className = `line-heading line-${line.level}`;
        part.textContent = line.label;
      } else if (line.kind === "answer") {
        part.className = "line-answer";
        const label = document.createElement("span");
        label.textContent = `${line.label}:`;
        part.append(label, ` ${line.text}`);
      } else if (line.kind === "text") {
        part.className = "line-text";
        part.textContent = line.text;
      } else {
        part.className = `line-row line-${line.kind}`;
        for (const cell of line.cells) part.append(Object.assign(document.createElement("span"), { textContent: cell }));
      }
      return part;
    });
    this.form.querySelector("[data-lines]").replaceChildren(...made);
  }

  key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.form.requestSubmit(this.form.querySelector("[data-sign]"));
      return;
    }
    const target = event.target;
    if (event.key !== "Enter" || target.tagName !== "INPUT") return;
    // Enter goes on to the next field instead of sending the form away half written.
    event.preventDefault();
    const fields = [...this.form.querySelectorAll(".writing-form input, .writing-form textarea")].filter(
      (one) => !one.readOnly && one.offsetParent && (one.type !== "radio" || one.checked || one === this.firstOf(one)),
    );
    const place = fields.findIndex((one) => one === target || (one.name === target.name && one.type === "radio"));
    fields.slice(place + 1).find((one) => one.name !== target.name || one.closest("[data-repeats]"))?.focus();
  }

  firstOf(radio) {
    const group = [...this.form.querySelectorAll(`[name="${CSS.escape(radio.name)}"]`)];
    return group.some((one) => one.checked) ? null : group[0];
  }

  // The note is sent as it was kept, letter for letter: first the draft, then the signature.
  async finish(event) {
    // Beside the chart, beside.js sends the form once this has kept it.
    if (this.left || this.form.closest("[data-beside-pane]")) return;
    event.preventDefault();
    const button = event.submitter;
    if (!(await this.kept())) return;
    await pressTold();
    this.left = true;
    this.form.requestSubmit(button);
  }

  async stop() {
    clearTimeout(this.timer);
    this.left = true;
    await this.sending;
    await this.keeping.drop();
  }

  // Beside the chart, beside.js does this.
  async discard(event) {
    if (this.left || this.form.closest("[data-beside-pane]")) return;
    event.preventDefault();
    const { target, submitter } = event;
    await this.stop();
    await pressTold();
    target.requestSubmit(submitter);
  }

  async kept() {
    clearTimeout(this.timer);
    if (this.unsaved() || this.form.elements.version.value === "0") await this.save();
    return !this.unsaved() && !(await this.files?.unsent());
  }
}
