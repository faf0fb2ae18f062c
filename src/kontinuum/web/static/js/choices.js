// A field of a phrase with several words to choose among, `{ja/nej}`: while it is selected they are listed
// below the text. Arrow keys choose, Enter takes, Escape closes; whoever types writes something else.

export class Choices {
  constructor(take) {
    this.take = take;
    this.field = null;
    this.list = document.createElement("div");
    this.list.className = "code-options phrase-choices";
    this.list.id = "phrase-choices";
    this.list.setAttribute("role", "listbox");
    // The text keeps the focus, so that what is chosen is put where the field stands.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.chosen(option);
    });
  }

  follow(field) {
    const selected = field.value.slice(field.selectionStart, field.selectionEnd);
    if (this.field === field && this.selected === selected) return;
    this.close();
    const parts = /^\{[^{}\n]+\}$/.test(selected) ? selected.slice(1, -1).split("/").map((part) => part.trim()) : [];
    if (parts.length < 2 || parts.some((part) => !part)) return;
    this.field = field;
    this.selected = selected;
    this.list.setAttribute("aria-label", parts.join(", "));
    this.list.replaceChildren(
      ...parts.map((part, number) => {
        const option = document.createElement("div");
        option.className = "code-option";
        option.id = `phrase-choice-${number}`;
        option.setAttribute("role", "option");
        option.textContent = part;
        return option;
      }),
    );
    field.insertAdjacentElement("afterend", this.list);
    field.setAttribute("aria-controls", this.list.id);
    this.move(this.list.firstElementChild);
  }

  move(option) {
    this.active?.setAttribute("aria-selected", "false");
    this.active = option;
    option.setAttribute("aria-selected", "true");
    this.field.setAttribute("aria-activedescendant", option.id);
  }

  // True when the key was about the list.
  key(event) {
    if (!this.field || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return false;
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (step) this.move(this.active[step] ?? this.active);
    else if (event.key === "Enter") this.chosen(this.active);
    else if (event.key === "Escape") this.field.setSelectionRange(this.field.selectionEnd, this.field.selectionEnd);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") this.close();
    return true;
  }

  chosen(option) {
    const { field } = this;
    this.close();
    this.take(field, option.textContent);
  }

  close() {
    if (!this.field) return;
    this.field.removeAttribute("aria-activedescendant");
    this.field.removeAttribute("aria-controls");
    this.list.remove();
    this.field = this.active = this.selected = null;
  }
}
