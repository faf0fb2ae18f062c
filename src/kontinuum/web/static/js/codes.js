// A field for words and their code: while one types, the codes that fit are listed below it. Arrow keys choose,
// Enter takes, Escape closes. Every field on the page works so, also one that is put there later.

const WAIT = 90;

const fields = new WeakMap();

export function startCodes() {
  document.addEventListener("focusin", (event) => {
    if (!event.target.matches?.("input[data-codes]")) return;
    if (!fields.has(event.target)) fields.set(event.target, new CodeField(event.target));
    if (event.target.value === "") fields.get(event.target).ask();
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

class CodeField {
  constructor(input) {
    this.input = input;
    this.form = input.form;
    this.list = document.getElementById(`${input.id}-options`);
    this.status = input.parentElement.querySelector("[role=status]");
    // In a note the code goes into a field of its own, and the note is written on.
    this.into = input.dataset.codesInto ? this.form.elements[input.dataset.codesInto] : null;
    // A question of a note whose answers are codes: each that is chosen stands above the field, and can be taken away.
    this.picked = input.dataset.codesPick
      ? this.form.querySelector(`[data-coded="${CSS.escape(input.dataset.codesPick)}"]`)
      : null;
    this.inNote = Boolean(this.into || this.picked);
    // The words that the code stands for: where others are written in their place, it does not stay behind.
    this.stoodFor = this.into?.value ? input.value : "";
    this.timer = null;
    this.turn = 0;
    this.answered = null;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", this.list.id);
    input.setAttribute("aria-expanded", "false");
    input.addEventListener("input", () => this.typed());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => this.open(false));
    // The field keeps the focus, so that the list does not close under the pointer.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.take(option);
    });
  }

  typed() {
    this.dropCode();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT);
  }

  dropCode() {
    const now = this.input.value;
    if (!this.stoodFor || (now !== "" && (now.startsWith(this.stoodFor) || this.stoodFor.startsWith(now)))) return;
    this.stoodFor = "";
    this.into.value = "";
  }

  async ask() {
    clearTimeout(this.timer);
    const asked = this.input.value.trim();
    const turn = (this.turn += 1);
    const csrf = this.form.elements.csrf.value;
    const body = new URLSearchParams({ csrf, set: this.input.dataset.codes, q: asked });
    let text;
    try {
      const answer = await fetch("/codes", { method: "POST", body, headers: { "hx-request": "true" } });
      if (!answer.ok) return;
      text = await answer.text();
    } catch {
      return; // The words can be written all the same.
    }
    if (turn !== this.turn || document.activeElement !== this.input) return;
    const made = new DOMParser().parseFromString(text, "text/html");
    this.list.replaceChildren(...document.adoptNode(made.body).childNodes);
    if (this.picked && !this.input.name.endsWith("~other")) this.list.querySelector(".code-free")?.remove();
    this.answered = asked;
    const all = this.options();
    all.forEach((option, place) => (option.id = `${this.list.id}-${place}`));
    this.open(all.length > 0 || asked !== "");
    this.choose(asked === "" ? -1 : 0);
    this.announce(all.filter((option) => option.dataset.code).length);
  }

  options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  chosen() {
    return this.options().findIndex((option) => option.getAttribute("aria-selected") === "true");
  }

  choose(place) {
    const all = this.options();
    all.forEach((option, each) => option.setAttribute("aria-selected", String(each === place)));
    if (all[place]) {
      this.input.setAttribute("aria-activedescendant", all[place].id);
      all[place].scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  open(shown) {
    this.list.hidden = !shown;
    if (shown) this.place();
    this.input.setAttribute("aria-expanded", String(shown));
    if (!shown) this.input.removeAttribute("aria-activedescendant");
  }

  // The list is wider than its field: where it would reach out of the pane or the page, it goes to the left.
  place() {
    this.list.style.left = "";
    const edge = (this.list.closest("[data-beside-pane]") ?? document.documentElement).getBoundingClientRect().right - 8;
    const over = this.list.getBoundingClientRect().right - edge;
    if (over > 0) this.list.style.left = `${-over}px`;
  }

  announce(count) {
    const { one, many, none } = this.status.dataset;
    this.status.textContent = count === 0 ? none : count === 1 ? one : many.replace("#", count);
  }

  key(event) {
    const all = this.options();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (this.list.hidden || all.length === 0) return;
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.choose((this.chosen() + step + all.length) % all.length);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.open(false);
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      const current = this.list.hidden ? null : all[this.chosen()];
      if (this.inNote && !current) return;
      event.preventDefault();
      if (this.inNote) event.stopPropagation();
      if (current && this.answered === this.input.value.trim()) this.take(current);
      else if (this.input.value.trim() !== "") this.send("", ""); // the list is not here yet: the form shows it
    }
  }

  take(option) {
    this.open(false);
    const { code, display } = option.dataset;
    this.input.value = this.picked && code ? "" : display;
    if (this.inNote) {
      if (this.into) this.into.value = code;
      if (this.into) this.stoodFor = code ? display : "";
      else if (code) pickCode(this.picked, `${option.dataset.system}|${code}|${display}`);
      this.input.dispatchEvent(new Event("change", { bubbles: true }));
    } else this.send(code, code ? "" : "1");
  }

  send(code, free) {
    this.form.elements.code.value = code;
    this.form.elements.free.value = free;
    this.form.requestSubmit([...this.form.elements].find((one) => one.matches("[data-chosen]")));
  }
}
