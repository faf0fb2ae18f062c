// Searching while one types, alike in every field that does so: a field for text and the list that answers it.
//
// The first letter is asked about at once. After that one question at a time is under way, and what stands in the
// field is asked about as soon as the one before is answered: nothing waits for a clock, and whoever types fast
// asks no more of the server than it answers. The old list stays, marked as being searched, until the new one
// stands there. Each list knows the text that it answers, and nothing is taken that was not both seen and meant:
//
// - Enter takes the line that is chosen when the list answers what stands in the field and has stood there long
//   enough to be read, or when that line is the only one that can be meant.
// - Who moved to a line by the arrows has read it: Enter takes that one, also when a later answer brings it again.
//   Where the later answer lacks it no line is chosen, so that Enter does not take whoever came in its place.
// - Enter before the answer is here waits for it, and takes its line when only one can be meant. Arrows wait too:
//   they move in the list that was asked for, and its line has been read when it has stood long enough.
// - A press on a line that has just come where another one was takes nothing.

import { ask, parsed } from "./asking.js";

const READ = 300; // A list that has stood for less than these milliseconds nobody has read.
const SLOW = 500; // After these one is told that the answer is being waited for.
const OVERDUE = 1000; // A question as old as this is given up for a newer text,
const PATIENCE = 15_000; // and this old altogether.

const mark = (option) => `${option.href ?? option.dataset.code} ${option.textContent}`;

function standing(option) {
  const { left, right, top, bottom } = option.getBoundingClientRect();
  return { mark: mark(option), hovered: option.matches(":hover"), left, right, top, bottom };
}

const between = (low, place, high) => low <= place && place <= high;

export class AsTyped {
  // Who extends it says what differs: `address`, `values(text)` to send there, `said(options)` for those who listen,
  // `sure(option)` of a line that alone fits the text, `take(option)`, `chose(option)` by a press, and `unlisted(event)`
  // for Enter without a list.
  constructor(input, list, status) {
    Object.assign(this, { input, list, status });
    this.answers = null; // the text that the list answers
    this.html = null; // the list as it came
    this.former = []; // the lines that stood before these, for those who are on their way to press one
    this.stood = 0;
    this.asking = null; // the question under way
    this.moved = null; // the line that was moved to
    this.entered = false; // Enter came before the answer,
    this.steps = 0; // and so many arrows, those upwards negative
    input.addEventListener("input", () => this.typed());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", (event) => this.left(event));
    // The field keeps the focus, so that the list does not close under the pointer.
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("pointerdown", (event) => (this.unseen = this.justCame(event)), true);
    list.addEventListener("click", (event) => this.pressed(event), true);
  }

  text() {
    return this.input.value.trim();
  }

  // Whether there is something to ask: an empty field is asked about where that has an answer.
  asks() {
    return this.text() !== "" || Boolean(this.usual);
  }

  typed() {
    this.moved = null;
    this.forget();
    if (!this.asks()) this.close();
    else if (this.text() === this.answers && !this.asking) this.open(true);
    else this.want();
  }

  forget() {
    this.entered = false;
    this.steps = 0;
  }

  want() {
    this.list.setAttribute("aria-busy", "true");
    if (!this.asking) this.ask();
    else if (performance.now() - this.asking.since > OVERDUE) this.asking.stop.abort();
  }

  async ask() {
    const asked = this.text();
    const stop = new AbortController();
    const question = { since: performance.now(), stop };
    this.asking = question;
    const timers = [
      setTimeout(() => this.asking === question && this.slow(), SLOW),
      setTimeout(() => this.text() !== asked && stop.abort(), OVERDUE),
      setTimeout(() => stop.abort(), PATIENCE),
    ];
    const html = await this.answer(asked, stop.signal);
    timers.forEach(clearTimeout);
    if (this.asking !== question) return; // the list was closed meanwhile
    this.asking = null;
    if (document.activeElement !== this.input) return this.close();
    const newer = this.text() !== asked;
    if (newer && !this.asks()) return this.close();
    if (newer) this.ask();
    if (html !== null && (asked === "") === (this.text() === "")) this.stand(asked, html);
    else if (!newer) this.fail();
    if (!this.asking) this.list.setAttribute("aria-busy", "false");
  }

  async answer(asked, signal) {
    try {
      const answer = await ask(this.address, {
        method: "POST",
        body: this.values(asked),
        headers: { "hx-request": "true" },
        signal,
      });
      return answer.ok ? await answer.text() : null;
    } catch {
      return null; // The line is broken, or a newer text did not wait.
    }
  }

  stand(asked, html) {
    this.former = this.list.hidden ? [] : this.options().map(standing);
    if (html !== this.html) {
      this.list.replaceChildren(...document.adoptNode(parsed(html).body).childNodes);
      this.received?.();
      this.options().forEach((option, place) => (option.id = `${this.list.id}-${place}`));
    }
    this.html = html;
    this.standsFor(asked);
    const all = this.options();
    this.open(all.length > 0 || (asked !== "" && this.list.childElementCount > 0));
    if (this.moved) this.choose(all.findIndex((option) => mark(option) === this.moved));
    else this.choose(asked === "" ? -1 : 0);
    if (asked !== this.text()) return;
    if (this.steps && all.length) this.choose(this.placeAfter(this.steps, all));
    this.list.dispatchEvent(new CustomEvent("kontinuum:listed", { bubbles: true }));
    this.reading = setTimeout(() => this.read(), READ);
    const sure = all.filter((option) => this.sure(option));
    if (this.entered && !this.moved && sure.length === 1) this.take(sure[0]);
    this.forget();
  }

  // Which text the list answers; null of none.
  standsFor(asked) {
    clearTimeout(this.reading);
    this.stood = performance.now();
    this.answers = asked;
    delete this.list.dataset.read;
    if (asked === null) delete this.list.dataset.answers;
    else this.list.dataset.answers = asked;
  }

  // Told once the list stays: not at each letter.
  read() {
    if (this.list.hidden || this.answers !== this.text()) return;
    this.list.dataset.read = "";
    this.status.textContent = this.said(this.options());
  }

  slow() {
    if (this.list.hidden) this.tell(this.status.dataset.searching);
    else this.status.textContent = this.status.dataset.searching;
  }

  fail() {
    this.forget();
    this.tell(this.status.dataset.failed);
  }

  // In the place of a list, which would answer another text.
  tell(words) {
    this.html = null;
    this.standsFor(null);
    const note = Object.assign(document.createElement("p"), { className: "search-note", role: "presentation", textContent: words });
    this.list.replaceChildren(note);
    this.choose(-1);
    this.open(true);
    this.status.textContent = words;
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
    this.input.setAttribute("aria-expanded", String(shown));
    if (!shown) this.input.removeAttribute("aria-activedescendant");
  }

  close() {
    this.asking?.stop.abort();
    this.asking = null;
    this.forget();
    this.list.setAttribute("aria-busy", "false");
    this.open(false);
  }

  left() {
    this.close();
  }

  key(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") this.move(event);
    else if (event.key === "Enter" && !this.leaves?.(event)) this.enter(event);
    else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.close();
    } else if (event.key === "Escape") this.escaped?.();
  }

  move(event) {
    const all = this.options();
    const step = event.key === "ArrowDown" ? 1 : -1;
    const waits = this.asking && this.answers !== this.text();
    if (!waits && (this.list.hidden || all.length === 0)) return;
    event.preventDefault();
    if (waits) return void (this.steps += step);
    const next = this.placeAfter(step, all);
    this.choose(next);
    this.moved = mark(all[next]);
  }

  placeAfter(steps, all) {
    const place = Math.max(this.chosen(), steps > 0 ? -1 : 0) + steps;
    return ((place % all.length) + all.length) % all.length;
  }

  enter(event) {
    const all = this.list.hidden ? [] : this.options();
    const option = all[this.chosen()];
    const answered = this.answers === this.text();
    const meant = option && (this.moved ? mark(option) === this.moved : answered && this.mayTake(option, all));
    if (!meant && !event.repeat && !this.asking && !(answered && all.length > 0)) return this.unlisted(event);
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat) return;
    if (meant) this.take(option);
    else if (this.asking) this.entered = true;
  }

  mayTake(option, all) {
    return "read" in this.list.dataset || (this.sure(option) && all.filter((one) => this.sure(one)).length === 1);
  }

  justCame(event) {
    const option = event.target.closest("[role=option]");
    if (!option || performance.now() - this.stood > READ) return false;
    // A mouse that was not there when the list changed is moved by someone who sees the new one.
    const meant = this.former.filter((line) => line.hovered || event.pointerType !== "mouse");
    const before = meant.find(({ left, right, top, bottom }) => between(left, event.clientX, right) && between(top, event.clientY, bottom));
    return before !== undefined && before.mark !== mark(option);
  }

  pressed(event) {
    const option = event.target.closest("[role=option]");
    if (!option || !event.isTrusted) return;
    if (this.unseen) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else this.chose(option);
    this.unseen = false;
  }
}
