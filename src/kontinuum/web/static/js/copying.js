// Copies the patient's number from the banner, where the browser allows it.

export function startCopying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = button.parentElement.querySelector("[data-copy-source]").textContent;
      await navigator.clipboard.writeText(text.trim());
      const label = button.getAttribute("aria-label");
      button.setAttribute("aria-label", button.dataset.done);
      setTimeout(() => button.setAttribute("aria-label", label), 2000);
    });
  }
}
