// Copies what stands beside the button, letter for letter, where the browser allows it.

export function startCopying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = button.parentElement.querySelector("[data-copy-source]").textContent;
      await navigator.clipboard.writeText(text);
      const label = button.getAttribute("aria-label");
      button.setAttribute("aria-label", button.dataset.done);
      setTimeout(() => button.setAttribute("aria-label", label), 2000);
    });
  }
}
