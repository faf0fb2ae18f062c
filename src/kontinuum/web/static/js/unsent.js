// What is typed in a form and not sent stands nowhere but in its window: nothing takes it away unasked.
// Drafts of notes are kept by writing.js, forms beside the chart by kept.js, templates by studio.js.

import { askBeforeDropping, isKept, keepForms } from "./kept.js";
import { forgetWriting, leaveWriting, writingUnsaved } from "./writing.js";

const OWN = "[data-writing], [data-studio], [data-try], [data-opens-beside], [role=search], [hx-post]";
const TYPED = new Set(["text", "date", "datetime-local", "month", "time", "number", "tel", "email", "url"]);

const sent = new WeakSet();
const brought = new WeakSet();

export function startUnsent() {
  askBeforeDropping(agreed);
  // On the window, after everybody who may have kept it from being sent.
  window.addEventListener("submit", (event) => event.defaultPrevented || sent.add(event.target));
  window.addEventListener("input", (event) => event.target.form && sent.delete(event.target.form));
  window.addEventListener("beforeunload", (event) => unsentForms().length && event.preventDefault());
}

export function unsentForms(root = document) {
  return [...root.querySelectorAll("form")].filter((form) => form.getAttribute("method") === "post" && !form.matches(OWN) && !isKept(form) && unsent(form));
}

export const somethingUnsent = () => unsentForms().length > 0 || writingUnsaved();

// A form that an answer brought back with what was typed in it is as unsent as it was.
export function broughtBack(root) {
  for (const form of root.querySelectorAll("form.noting")) {
    if (form.matches("[data-code-form]") || form.querySelector("[role=alert]")) brought.add(form);
  }
}

export function forget(forms) {
  for (const form of forms) sent.add(form);
}

export function forgetEverything() {
  forget(unsentForms());
  forgetWriting();
}

// True when nothing is lost by leaving, or when the person says that it may be.
export async function leave(root = document) {
  return (await leaveWriting()) && agreed(root);
}

// The same of everything but the draft and the form that is being sent.
export async function agreed(root, except = null) {
  await keepForms(root, except);
  const forms = unsentForms(root).filter((form) => form !== except);
  if (!forms.length) return true;
  const dropped = await ask();
  if (dropped) forget(forms);
  else forms[0].querySelector("textarea, input:not([type=hidden])")?.focus();
  return dropped;
}

function ask() {
  const dialog = document.getElementById("unsent");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "leave"), { once: true });
  });
}

function unsent(form) {
  return !sent.has(form) && [...form.elements].some((element) => changed(element, form));
}

function changed(element, form) {
  if (element.tagName === "TEXTAREA" || TYPED.has(element.type)) {
    const before = element.defaultValue.replace(/\r\n?/g, "\n");
    return element.value !== before || (brought.has(form) && element.value.trim() !== "");
  }
  if (!form.matches(".noting")) return false;
  if (element.type === "radio" || element.type === "checkbox") return element.checked !== element.defaultChecked;
  if (element.tagName !== "SELECT") return false;
  const options = [...element.options];
  return element.selectedIndex !== Math.max(0, options.findIndex((option) => option.defaultSelected));
}
