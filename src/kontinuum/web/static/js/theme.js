// Light or dark: the system's choice until the reader makes one, kept in a cookie that the server reads, so that
// the first paint is already right.

const COOKIE = "kontinuum_theme";
const YEAR = 365 * 24 * 3600;

function current() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function show() {
  for (const toggle of document.querySelectorAll("[data-theme-toggle]")) {
    toggle.hidden = false;
    toggle.dataset.themeNow = current();
  }
}

export function startTheme() {
  show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    show();
    // What is drawn with the colours of before is drawn anew.
    document.dispatchEvent(new CustomEvent("themechange"));
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const next = current() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${COOKIE}=${next}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
    show();
    document.dispatchEvent(new CustomEvent("themechange"));
  });
}
