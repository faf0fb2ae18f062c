// Keys of a single letter or sign can be turned off (WCAG 2.2, 2.1.4): who speaks to the computer says letters too.
// Kept in a cookie, for every tab of the browser.

const COOKIE = "kontinuum_letters";
const YEAR = 365 * 24 * 3600;

export function lettersOff() {
  return document.cookie.split("; ").includes(`${COOKIE}=off`);
}

function show() {
  const off = lettersOff();
  for (const toggle of document.querySelectorAll("[data-letters-toggle]")) toggle.hidden = false;
  for (const told of document.querySelectorAll("[data-letters-on]")) told.hidden = off;
  for (const told of document.querySelectorAll("[data-letters-off]")) told.hidden = !off;
}

export function startLetters() {
  show();
  addEventListener("focus", show); // another tab may have turned them off
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-letters-toggle]")) return;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const next = lettersOff() ? "on" : "off";
    document.cookie = `${COOKIE}=${next}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
    show();
  });
}
