// What the server says to the questions of this page's scripts is told to whoever listens: a refusal is known to
// the report of a deviation, and that the session is locked or has ended to the cover of the screen.

export function told(status, address) {
  const detail = { status, path: new URL(address, location).pathname };
  document.dispatchEvent(new CustomEvent("kontinuum:answer", { detail }));
}

export async function ask(address, more) {
  const answer = await fetch(address, more);
  told(answer.status, address);
  return answer;
}
