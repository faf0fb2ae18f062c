// The flowsheet: opens at its newest values; the arrow keys go from value to value.

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export function startFlowsheet() {
  const sheet = document.querySelector("[data-flowsheet]");
  if (!sheet) return;
  sheet.scrollLeft = sheet.scrollWidth;
  sheet.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const cell = event.target.closest("td");
    if (!step || !cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = from(cell, step);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

// The nearest value in a direction: times at which a kind was not measured are passed over.
function from(cell, [down, right]) {
  let row = cell.parentElement;
  let column = cell.cellIndex;
  for (;;) {
    if (down) row = down > 0 ? row.nextElementSibling : row.previousElementSibling;
    column += right;
    const there = row?.cells[column];
    if (!there) return null;
    const value = there.querySelector("a");
    if (value) return value;
  }
}
