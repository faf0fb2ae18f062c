// A long list of links that is narrowed by what one types: Enter opens the first that is left.

export function startNarrowing() {
  for (const place of document.querySelectorAll("[data-narrowed]")) {
    const field = place.querySelector("[data-narrow]");
    const rows = [...place.querySelectorAll("li")];
    field.hidden = false;
    place.addEventListener("toggle", () => place.open && field.focus({ preventScroll: true }));
    field.addEventListener("input", () => {
      const words = field.value.trim().toLocaleLowerCase("sv").split(/\s+/);
      for (const row of rows) {
        const text = row.textContent.toLocaleLowerCase("sv");
        row.hidden = !words.every((word) => text.includes(word));
      }
      place.querySelector("[data-narrow-none]").hidden = rows.some((row) => !row.hidden);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      rows.find((row) => !row.hidden)?.querySelector("a").click();
    });
  }
}
