// What the server says to the questions of this page's scripts is told to whoever listens: a refusal is known to
// the report of a deviation, and that the session is locked or has ended to the cover of the screen.

export function told(status, address) {
  const detail = { status, path: new URL(address, location).pathname };
  document.dispatchEvent(new CustomEvent("kontinuum:answer", { detail }));
}

// A page as a document. Its head is left out: a style in it carries the nonce of another page.
export function parsed(html) {
  return new DOMParser().parseFromString(html.replace(/<head[\s>][^]*?<\/head>/i, ""), "text/html");
}

// An answer about another patient than the page's is none, whatever it holds.
export async function ask(address, more) {
  const answer = await fetch(address, more);
  told(answer.status, address);
  return ofThisPatient(answer.headers.get("x-patient")) ? answer : Response.error();
}

function ofThisPatient(named) {
  const own = document.querySelector(".banner[data-patient]")?.dataset.patient;
  return !named || !own || named === encodeURIComponent(own);
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!ofThisPatient(detail.xhr.getResponseHeader("x-patient"))) detail.shouldSwap = false;
});
