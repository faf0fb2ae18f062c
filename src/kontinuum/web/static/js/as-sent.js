// A form as the server sent it: who types before the scripts have come has typed nonetheless.

export function asSent(form) {
  const sent = form.cloneNode(true);
  sent.reset();
  return sent;
}
