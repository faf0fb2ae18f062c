// Phrases in the writing pane: `.name` and Tab puts the text in, letter for letter; what stands in braces is
// a field, and Tab goes on to the next one. The browser inserts it as if typed, so that Ctrl+Z takes it back.

const NAME = /(?:^|[\s(])\.([a-zåäöéü0-9-]{1,30})$/;
const FIELD = /\{[^{}\n]{0,60}\}/g;

let phrases = null;
let last = null; // where the caret was last, for a phrase that is chosen in the palette

export function startPhrases(form) {
  phrases ??= fetch("/phrases/list", { headers: { accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : {}))
    .catch(() => ({}));
  let known = {};
  phrases.then((found) => (known = found));
  const note = (field) => takesText(field) && form.contains(field) && (last = field);
  note(document.activeElement);
  form.addEventListener("focusin", (event) => note(event.target));
  form.addEventListener("keydown", (event) => {
    const field = event.target;
    if (event.key !== "Tab" || event.shiftKey || event.ctrlKey || event.altKey || !takesText(field)) return;
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

const takesText = (field) =>
  (field.tagName === "TEXTAREA" || (field.tagName === "INPUT" && field.type === "text")) && !field.readOnly;

// A line takes a phrase of one line: no letter of a phrase is ever dropped.
const fits = (field, text) => field.tagName === "TEXTAREA" || !/[\r\n]/.test(text);

function put(field, text, from) {
  const to = field.selectionEnd;
  field.focus();
  field.setSelectionRange(from, to);
  // Old, and the only way that leaves the browser's own undo as it is.
  if (!document.execCommand("insertText", false, text)) field.setRangeText(text, from, to, "end");
  if (select(field, from, from + text.length)) field.dataset.filling = "yes";
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
