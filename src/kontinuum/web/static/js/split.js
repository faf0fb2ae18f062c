// How a tablet that stands is shared between the chart above and the pane below: the line between them is drawn
// with a finger, pressed to fold the pane away and up again, or moved with the arrows. Each keeps its own place.

const STEP = 0.1;
const LEAST = 0.1;
const MOST = 0.85;
const USUAL = 0.55;
const KEPT = "beside-share";

export function startSplit(line) {
  const root = document.documentElement;
  let share = Number(sessionStorage.getItem(KEPT)) || USUAL;
  let before = USUAL;
  let drawn = false;

  const divide = (wanted) => {
    share = Math.min(MOST, Math.max(LEAST, wanted));
    root.style.setProperty("--pane-share", share);
    line.setAttribute("aria-valuenow", Math.round(share * 100));
    sessionStorage.setItem(KEPT, share);
  };
  const fold = () => {
    const folded = share === LEAST;
    if (!folded) before = share;
    divide(folded ? before : LEAST);
  };

  line.addEventListener("pointerdown", (event) => {
    drawn = false;
    line.setPointerCapture(event.pointerId);
  });
  line.addEventListener("pointermove", (event) => {
    if (!line.hasPointerCapture(event.pointerId)) return;
    const { top, height } = line.getBoundingClientRect();
    const moved = event.clientY - (top + height / 2);
    // A finger that presses trembles.
    if (!drawn && Math.abs(moved) < height / 4) return;
    drawn = true;
    divide(share - moved / (innerHeight - keyboard()));
  });
  line.addEventListener("click", () => drawn || fold());
  line.addEventListener("keydown", (event) => {
    const to = { ArrowUp: share + STEP, ArrowDown: share - STEP, Home: LEAST, End: MOST }[event.key];
    if (event.key === "Enter" || event.key === " ") fold();
    else if (to === undefined) return;
    else divide(to);
    event.preventDefault();
  });
  divide(share);

  // The keyboard of the screen lies over the page: the pane stands on it, and what is typed is seen.
  const stand = () => root.style.setProperty("--keyboard", `${keyboard()}px`);
  window.visualViewport?.addEventListener("resize", stand);
}

function keyboard() {
  const seen = window.visualViewport;
  return seen && seen.scale === 1 ? Math.max(0, Math.round(innerHeight - seen.height - seen.offsetTop)) : 0;
}
