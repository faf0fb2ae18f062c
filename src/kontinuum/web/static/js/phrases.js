// Phrases in the writing pane: `.name` and Tab puts the text in, letter for letter; what stands in braces is
// a field, and Tab goes on to the next one; one with strokes is chosen among. What a phrase takes from the
// chart is asked of the server first. The browser inserts it as if typed, so that Ctrl+Z takes it back.

import { ask } from "./asking.js";
import { Choices } from "./choices.js";

const NAME = /(?:^|[\s(])\.([a-zåäöéü0-9-]{1,30})$/;
const FIELD = /\{[^{}\n]{0,200}\}/g;
const OF_CHART = /\{=\s*/g;
const PATIENCE = 3000;

let phrases = null;
let last = null; // where the caret was last, for a phrase that is chosen in the palette

export function startPhrases(form) {
  phrases ??= fetch("/phrases/list", { headers: { accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : {}))
    .catch(() => ({}));
  let known = {};
  phrases.then((found) => (known = found));
  const choices = new Choices((field, text) => {
    type(field, text, field.selectionStart, field.selectionEnd);
    select(field, field.selectionEnd);
    choices.follow(field);
  });
  const note = (field) => takesText(field) && form.contains(field) && (last = field);
  note(document.activeElement);
  form.addEventListener("focusin", (event) => note(event.target));
  form.addEventListener("focusout", () => choices.close());
  for (const what of ["input", "click", "keyup", "select"])
    form.addEventListener(what, (event) => takesText(event.target) && choices.follow(event.target));
  form.addEventListener("keydown", (event) => {
    const field = event.target;
    if (!takesText(field) || choices.key(event)) return;
    if (event.key !== "Tab" || event.shiftKey || event.ctrlKey || event.altKey) return;
    const name = field.value.slice(0, field.selectionEnd).match(NAME)?.[1];
    const from = field.selectionEnd - (name?.length ?? 0) - 1;
    // After an undo the name that was there before is selected.
    const alone = field.selectionStart === field.selectionEnd || field.selectionStart === from;
    if (name && alone && Object.hasOwn(known, name) && fits(field, known[name])) {
      event.preventDefault();
      put(field, known[name], from);
    } else if (isField(field) && select(field, field.selectionEnd)) event.preventDefault();
    else if (field.dataset.filling && select(field, field.selectionEnd)) event.preventDefault();
    else delete field.dataset.filling;
  });
}

document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-phrase]");
  if (!chosen || !last?.isConnected || !fits(last, chosen.dataset.phrase)) return;
  event.preventDefault();
  put(last, chosen.dataset.phrase, last.selectionStart);
});

// On the pages where phrases are written: a field, a choice or a value of the chart at the caret.
document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-insert]");
  const field = chosen && document.getElementById(chosen.dataset.into);
  if (!field) return;
  field.focus();
  type(field, chosen.dataset.insert, field.selectionStart, field.selectionEnd);
});

const takesText = (field) =>
  (field.tagName === "TEXTAREA" || (field.tagName === "INPUT" && field.type === "text")) && !field.readOnly;

// A line takes a phrase of one line: no letter of a phrase is ever dropped.
const fits = (field, text) => field.tagName === "TEXTAREA" || !/[\r\n]/.test(text);

async function put(field, text, from) {
  const to = field.selectionEnd;
  const name = field.value.slice(from, to);
  const filled = text.search(OF_CHART) < 0 ? text : await fromChart(field.form, text);
  // What was written meanwhile stays: the phrase comes only where its name still stands.
  if (!field.isConnected || field.value.slice(from, to) !== name || !fits(field, filled)) return;
  type(field, filled, from, to);
  if (select(field, from, from + filled.length)) field.dataset.filling = "yes";
}

function type(field, text, from, to) {
  field.focus();
  field.setSelectionRange(from, to);
  // Old, and the only way that leaves the browser's own undo as it is.
  if (!document.execCommand("insertText", false, text)) field.setRangeText(text, from, to, "end");
}

// What cannot be asked for is left as fields, which signing asks about.
async function fromChart(form, text) {
  const { csrf, patient } = form.elements;
  const contact = form.elements["~contact"]?.value ?? "";
  try {
    if (!form.dataset.phraseAddress) throw new TypeError("the form takes nothing from the chart");
    const answer = await ask(form.dataset.phraseAddress, {
      method: "POST",
      body: new URLSearchParams({ csrf: csrf.value, patient: patient.value, contact, text }),
      headers: { "x-csrf-token": csrf.value, "hx-request": "true" },
      signal: AbortSignal.timeout(PATIENCE),
    });
    const told = answer.ok ? await answer.json() : {};
    if (told.patient === patient.value) return told.text;
  } catch {
    // The line is broken or slow.
  }
  return text.replace(OF_CHART, "{");
}

function isField(field) {
  const chosen = field.value.slice(field.selectionStart, field.selectionEnd);
  return chosen.startsWith("{") && chosen.endsWith("}");
}

function select(field, from, until = field.value.length) {
  FIELD.lastIndex = from;
  const found = FIELD.exec(field.value);
  if (!found || found.index + found[0].length > until) return false;
  field.setSelectionRange(found.index, found.index + found[0].length);
  return true;
}
