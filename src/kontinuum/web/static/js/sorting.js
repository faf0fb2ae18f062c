// Order by dragging: a row is taken by its grip and put before another, or last. Where the page keeps the order
// itself, a row is put there; elsewhere the list is told by `kontinuum:sorted` which row goes before which.
// Buttons and keys do the same for whoever does not drag.

let taken = null;

export function startSorting() {
  document.addEventListener("dragstart", (event) => {
    const grip = event.target.closest?.("[data-grip]");
    taken = grip?.closest("[data-row]") ?? null;
    if (!taken) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
    event.dataTransfer.setDragImage(taken, 0, 0);
  });
  document.addEventListener("dragover", (event) => {
    const row = rowAt(event);
    if (!row) return;
    event.preventDefault();
    mark(row, after(event, row));
  });
  document.addEventListener("drop", (event) => {
    const row = rowAt(event);
    if (!row) return;
    event.preventDefault();
    const next = after(event, row) ? row.nextElementSibling : row;
    if (row !== taken && next !== taken) put(taken, next);
    end();
  });
  document.addEventListener("dragend", end);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-sortable] [data-step]");
    const row = button?.closest("[data-row]");
    if (!row) return;
    event.preventDefault();
    if (button.dataset.step === "up") row.previousElementSibling?.before(row);
    else row.nextElementSibling?.after(row);
    button.focus();
  });
}

const rowAt = (event) => {
  const row = taken && event.target.closest?.("[data-row]");
  return row && row.parentElement === taken.parentElement ? row : null;
};

const after = (event, row) => {
  const box = row.getBoundingClientRect();
  return event.clientY > box.top + box.height / 2;
};

function put(row, next) {
  const told = new CustomEvent("kontinuum:sorted", { bubbles: true, cancelable: true, detail: { row, next } });
  if (row.dispatchEvent(told)) row.parentElement.insertBefore(row, next);
}

function mark(row, below) {
  for (const one of row.parentElement.children) one.removeAttribute("data-drop");
  row.dataset.drop = below ? "after" : "before";
}

function end() {
  for (const one of taken?.parentElement.children ?? []) one.removeAttribute("data-drop");
  taken = null;
}
