// The palette: `/` or Ctrl+K moves to it, arrow keys choose, Enter opens, Escape closes. It finds patients,
// commands, templates and phrases, as one types.

import { AsTyped } from "./as-typed.js";
import { lettersOff } from "./letters.js";

const TYPING = "input:not([type=search]), textarea, select, [contenteditable]";

class Palette extends AsTyped {
  constructor(form) {
    super(form.querySelector("input[type=search]"), form.querySelector("[role=listbox]"), form.querySelector("[role=status]"));
    this.form = form;
    this.address = form.action;
    this.input.addEventListener("search-now", () => this.want());
    this.input.addEventListener("focus", () => {
      if (this.text() !== "" && this.text() === this.answers) this.open(true);
    });
    document.addEventListener("click", (event) => {
      if (!form.contains(event.target)) this.close();
    });
  }

  values(text) {
    const values = new URLSearchParams(new FormData(this.form));
    values.set("q", text);
    return values;
  }

  said(options) {
    const count = options.filter((option) => option.classList.contains("person-option")).length;
    const { one, many, none, other } = this.status.dataset;
    const said = [count === 0 ? (options.length ? "" : none) : count === 1 ? one : many.replace("#", count)];
    if (options.length > count) said.push(other.replace("#", options.length - count));
    return said.filter(Boolean).join(", ");
  }

  sure(option) {
    return !("unsure" in option.dataset);
  }

  take(option) {
    option.click();
    this.close();
  }

  chose() {
    this.close();
  }

  unlisted(event) {
    event.preventDefault();
    if (this.text() === "") return;
    this.want();
    this.entered = true;
  }

  // A press beside the form closes the list; that the keyboard of a tablet is put away does not.
  left(event) {
    if (event.relatedTarget && !this.form.contains(event.relatedTarget)) this.close();
  }

  escaped() {
    this.input.blur();
  }
}

export function startSearch() {
  document.addEventListener("keydown", (event) => {
    const palette = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
    const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !lettersOff();
    if (!palette && !(slash && !event.target.closest(`${TYPING}, input`))) return;
    const input = document.querySelector("[data-patient-search] input[type=search]");
    if (!input) return;
    event.preventDefault();
    scrollTo({ top: 0, behavior: "instant" });
    input.focus();
    input.select();
    if (input.value.trim() === "") input.dispatchEvent(new Event("search-now"));
  });
  for (const form of document.querySelectorAll("[data-patient-search]")) new Palette(form);
}
