// A field for words and their code: while one types, the codes that fit are listed below it. Arrow keys choose,
// Enter takes, Escape closes. Every field on the page works so, also one that is put there later.

import { AsTyped } from "./as-typed.js";

const fields = new WeakMap();

export function startCodes() {
  document.addEventListener("focusin", (event) => {
    if (!event.target.matches?.("input[data-codes]")) return;
    if (!fields.has(event.target)) fields.set(event.target, new CodeField(event.target));
    if (event.target.value === "") fields.get(event.target).want();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
    const form = event.target.closest?.("form.noting") ?? onlyForm(event.target);
    if (!form) return;
    event.preventDefault();
    const save = form.querySelector("[data-save]");
    if (save) form.requestSubmit(save);
  });
  const first = document.querySelector("main [data-focus]");
  first?.focus();
}

// Who is in the pane but in none of its forms, after a press on its words, means the one that can be saved there.
function onlyForm(place) {
  if (place.closest?.("form, a, button, summary")) return null;
  const forms = [...(place.closest?.("[data-beside-pane]")?.querySelectorAll("form.noting:has([data-save])") ?? [])];
  return forms.length === 1 ? forms[0] : null;
}

// A chosen code as `system|code|words`; where only one is answered it takes the place of the one before.
export function pickCode(place, value) {
  const known = [...place.querySelectorAll("input")];
  if (!("many" in place.dataset)) for (const one of known) one.checked = one.value === value;
  const there = known.find((one) => one.value === value);
  if (there) return void (there.checked = true);
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name: place.dataset.coded, value, checked: true });
  label.append(box, ` ${value.split("|").slice(2).join("|")}`);
  place.append(label);
}

class CodeField extends AsTyped {
  address = "/codes";
  usual = true; // an empty field is answered with the codes that are chosen often

  constructor(input) {
    super(input, document.getElementById(`${input.id}-options`), input.parentElement.querySelector("[role=status]"));
    this.form = input.form;
    // In a note the code goes into a field of its own, and the note is written on.
    this.into = input.dataset.codesInto ? this.form.elements[input.dataset.codesInto] : null;
    // A question of a note whose answers are codes: each that is chosen stands above the field, and can be taken away.
    this.picked = input.dataset.codesPick
      ? this.form.querySelector(`[data-coded="${CSS.escape(input.dataset.codesPick)}"]`)
      : null;
    this.inNote = Boolean(this.into || this.picked);
    // The words that the code stands for: where others are written in their place, it does not stay behind.
    this.stoodFor = this.into?.value ? input.value : "";
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", this.list.id);
    input.setAttribute("aria-expanded", "false");
  }

  typed() {
    this.dropCode();
    super.typed();
  }

  dropCode() {
    const now = this.input.value;
    if (!this.stoodFor || (now !== "" && (now.startsWith(this.stoodFor) || this.stoodFor.startsWith(now)))) return;
    this.stoodFor = "";
    this.into.value = "";
  }

  open(shown) {
    super.open(shown);
    if (shown) this.place();
  }

  // The list is wider than its field: where it would reach out of the pane or the page, it goes to the left.
  place() {
    this.list.style.left = "";
    const edge = (this.list.closest("[data-beside-pane]") ?? document.documentElement).getBoundingClientRect().right - 8;
    const over = this.list.getBoundingClientRect().right - edge;
    if (over > 0) this.list.style.left = `${-over}px`;
  }

  values(text) {
    return new URLSearchParams({ csrf: this.form.elements.csrf.value, set: this.input.dataset.codes, q: text });
  }

  received() {
    if (this.picked && !this.input.name.endsWith("~other")) this.list.querySelector(".code-free")?.remove();
  }

  said(options) {
    const count = options.filter((option) => option.dataset.code).length;
    const { one, many, none } = this.status.dataset;
    return count === 0 ? none : count === 1 ? one : many.replace("#", count);
  }

  // Words may always mean another code, or none: only the code itself does not.
  sure(option) {
    return option.dataset.code !== "" && option.dataset.code.toLowerCase() === this.text().toLowerCase();
  }

  // Ctrl+Enter is the form's.
  leaves(event) {
    return event.ctrlKey || event.metaKey;
  }

  // In a note Enter is the note's; a form of its own shows the codes to choose from.
  unlisted(event) {
    if (this.inNote) return;
    event.preventDefault();
    if (this.text() !== "") this.send("", "");
  }

  chose(option) {
    this.take(option);
  }

  take(option) {
    this.close();
    const { code, display } = option.dataset;
    this.input.value = this.picked && code ? "" : display;
    if (this.inNote) {
      if (this.into) {
        this.into.value = code;
        this.stoodFor = code ? display : "";
      } else if (code) pickCode(this.picked, `${option.dataset.system}|${code}|${display}`);
      this.input.dispatchEvent(new Event("change", { bubbles: true }));
    } else this.send(code, code ? "" : "1");
  }

  send(code, free) {
    this.form.elements.code.value = code;
    this.form.elements.free.value = free;
    this.form.requestSubmit([...this.form.elements].find((one) => one.matches("[data-chosen]")));
  }
}
