// The palette: `/` or Ctrl+K moves to it, arrow keys choose, Enter opens, Escape closes. It finds patients,
// commands, templates and phrases. htmx fetches the list; this module moves through it.

import { lettersOff } from "./letters.js";

const TYPING = "input:not([type=search]), textarea, select, [contenteditable]";

function parts(form) {
  return {
    input: form.querySelector("input[type=search]"),
    list: form.querySelector("[role=listbox]"),
    status: form.querySelector("[data-search-status]"),
  };
}

function options(form) {
  return [...parts(form).list.querySelectorAll("[role=option]")];
}

function choose(form, index) {
  const all = options(form);
  const { input } = parts(form);
  all.forEach((option, place) => option.setAttribute("aria-selected", String(place === index)));
  if (all[index]) {
    input.setAttribute("aria-activedescendant", all[index].id);
    all[index].scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

function chosen(form) {
  return options(form).findIndex((option) => option.getAttribute("aria-selected") === "true");
}

function open(form, isOpen) {
  const { input, list } = parts(form);
  list.hidden = !isOpen;
  input.setAttribute("aria-expanded", String(isOpen));
  if (!isOpen) input.removeAttribute("aria-activedescendant");
}

function announce(form) {
  const { status } = parts(form);
  const all = options(form).length;
  const count = options(form).filter((option) => option.classList.contains("person-option")).length;
  const { one, many, none, other } = status.dataset;
  const said = [count === 0 ? (all ? "" : none) : count === 1 ? one : many.replace("#", count)];
  if (all > count) said.push(other.replace("#", all - count));
  status.textContent = said.filter(Boolean).join(", ");
}

// Enter pressed before the answer is here opens what the answer brings, if it is one patient only.
const waiting = new WeakSet();

// Those who moved to a line by the arrows have read it: Enter opens that one, also when a later answer brings it
// again. Where the later answer lacks it, no line is chosen, so that Enter does not open whoever came in its place.
const moved = new WeakMap();

function mark(option) {
  return `${option.href} ${option.textContent}`;
}

// `asked`: the text that the list answers. The field may hold another by now, and Enter must not open a
// patient that was found for what stood there before.
function answered(form, asked) {
  const { input, list } = parts(form);
  const useful = list.childElementCount > 0 && document.activeElement === input && (asked === "") === (input.value.trim() === "");
  open(form, useful);
  if (!useful) return;
  const all = options(form);
  all.forEach((option) => {
    option.id = `${list.id}-${option.id}`;
  });
  const kept = moved.get(form);
  if (kept) choose(form, all.findIndex((option) => mark(option) === kept));
  else choose(form, asked !== "" && all.length > 0 ? 0 : -1);
  announce(form);
  form.dataset.answered = asked;
  if (waiting.has(form) && asked === input.value) {
    waiting.delete(form);
    const sure = all.filter((option) => !("offer" in option.dataset));
    if (sure.length === 1) sure[0].click();
  }
}

function onKey(form, event) {
  const all = options(form);
  const { input, list } = parts(form);
  const current = chosen(form);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (list.hidden || all.length === 0) return;
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    const next = (Math.max(current, step === 1 ? -1 : 0) + step + all.length) % all.length;
    choose(form, next);
    moved.set(form, mark(all[next]));
  } else if (event.key === "Enter") {
    const answers = form.dataset.answered === input.value;
    if (input.value.trim() === "" && current < 0) event.preventDefault();
    else if (all[current] && !list.hidden && (answers || mark(all[current]) === moved.get(form))) {
      event.preventDefault();
      all[current].click();
    } else if (answers && !list.hidden && moved.has(form)) {
      event.preventDefault(); // who was chosen is gone from the list
    } else {
      event.preventDefault();
      waiting.add(form);
      input.dispatchEvent(new Event("search-now"));
    }
  } else if (event.key === "Escape") {
    if (!list.hidden) {
      event.preventDefault();
      open(form, false);
    } else input.blur();
  }
}

export function startSearch() {
  document.addEventListener("keydown", (event) => {
    const palette = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
    const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !lettersOff();
    if (!palette && !(slash && !event.target.closest(`${TYPING}, input`))) return;
    const form = document.querySelector("[data-patient-search]");
    if (!form) return;
    event.preventDefault();
    const { input } = parts(form);
    scrollTo({ top: 0, behavior: "instant" });
    input.focus();
    input.select();
    if (input.value.trim() === "") input.dispatchEvent(new Event("search-now"));
  });
  for (const form of document.querySelectorAll("[data-patient-search]")) {
    const { input, list } = parts(form);
    form.addEventListener("keydown", (event) => {
      if (event.target === input) onKey(form, event);
    });
    list.addEventListener("click", (event) => {
      if (event.target.closest("[role=option]")) open(form, false);
    });
    list.addEventListener("htmx:afterSwap", (event) => answered(form, event.detail.requestConfig.parameters.q));
    input.addEventListener("input", () => {
      moved.delete(form);
      waiting.delete(form);
      if (input.value.trim() === "") open(form, false);
    });
    input.addEventListener("focus", () => {
      if (input.value.trim() !== "" && options(form).length > 0) open(form, true);
    });
    document.addEventListener("click", (event) => {
      if (!form.contains(event.target)) open(form, false);
    });
    form.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !form.contains(event.relatedTarget)) open(form, false);
    });
  }
}
