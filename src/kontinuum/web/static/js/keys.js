import { lettersOff } from "./letters.js";

// The keyboard map: `?` shows it. Single letters count only where nothing is being typed.

const GO = { h: "/", i: "/inbox", u: "/inbox?of=unit", p: "/phrases", b: "/unit/feedback" };
const PRESS = { n: "#journal .card-aside a[data-beside]", t: "a[data-new-task]", f: 'a[href^="/feedback"]' };
const TYPING = "input, textarea, select, [contenteditable], dialog[open]";

export function startKeys() {
  const dialog = document.getElementById("keys");
  if (!dialog) return;
  let going = 0;
  const show = () => dialog.open || dialog.showModal();
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-keys]")) return;
    event.preventDefault();
    event.target.closest("details")?.removeAttribute("open");
    show();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || lettersOff()) return;
    if (event.target.closest(TYPING) || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (event.key === "?") {
      event.preventDefault();
      show();
    } else if (Date.now() - going < 1500 && GO[key]) {
      event.preventDefault();
      location.assign(GO[key]);
    } else if (key === "g") going = Date.now();
    else if (PRESS[key]) {
      const first = document.querySelector(PRESS[key]);
      if (!first) return;
      event.preventDefault();
      first.click();
    }
  });
}
