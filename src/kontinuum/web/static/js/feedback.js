// A deviation or an idea is reported in a dialog, without leaving the page. What is typed stays in the dialog and is
// kept nowhere else: it may be about a patient.

const ASKED = { "hx-request": "true" };

export function startFeedback() {
  // On the page of the form itself its links lead on as links do.
  if (!document.querySelector('a[href^="/feedback"]') || document.querySelector("[data-feedback]")) return;
  const dialog = document.createElement("dialog");
  dialog.className = "keys feedback-dialog";
  dialog.setAttribute("aria-labelledby", "feedback-title");
  document.body.append(dialog);
  const refusedPage = document.querySelector("main[data-refused]")?.dataset.refused;
  let refused = refusedPage ? `${refusedPage} ${location.pathname}` : "";
  let shownFor = "";
  let opening = false;

  document.addEventListener("kontinuum:answer", ({ detail }) => {
    if (detail.status >= 400) refused = `${detail.status} ${detail.path}`;
  });
  document.body.addEventListener("htmx:responseError", ({ detail }) => {
    refused = `${detail.xhr.status} ${new URL(detail.pathInfo.requestPath, location).pathname}`;
  });

  function take(text) {
    dialog.innerHTML = text;
    dialog.querySelector("[autofocus]")?.focus();
  }

  function tell(name, value, shown = value) {
    dialog.querySelector(`input[name="${name}"]`).value = value;
    const told = dialog.querySelector(`[data-told="${name}"]`);
    if (!told) return;
    told.hidden = !value;
    told.querySelector("dd").textContent = shown;
  }

  // The page, and what stands beside its chart.
  function here() {
    const beside = document.querySelector("[data-beside-pane]:not([hidden])") && new URLSearchParams(location.search).get("beside");
    return beside ? { from: location.pathname, beside: `${location.pathname}/${beside.split("?")[0]}` } : { from: location.pathname };
  }

  // The form is about the page it was opened on; on another, what was typed goes on and the patient does not.
  async function open(address) {
    if (opening || document.querySelector("dialog[open]")) return;
    opening = true;
    try {
      const place = new URLSearchParams(here()).toString();
      if (shownFor !== place) {
        const answer = await fetch(`/feedback?${place}`, { headers: ASKED });
        const text = answer.ok ? await answer.text() : "";
        if (!text.includes("data-feedback")) return void location.assign(address);
        const typed = dialog.querySelector("textarea")?.value ?? "";
        dialog.innerHTML = text;
        dialog.querySelector("textarea").value = typed;
        shownFor = place;
      }
      tell("viewport", `${innerWidth} × ${innerHeight}`);
      tell("refused", refused, refused.replace(/ \/patient\/[^/]+/, " /patient/…"));
      if (!document.querySelector("dialog[open]")) dialog.showModal();
    } catch {
      location.assign(address);
    } finally {
      opening = false;
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="/feedback"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    link.closest("details")?.removeAttribute("open");
    open(link.href);
  });

  dialog.addEventListener("submit", async (event) => {
    if (event.target.method === "dialog") return;
    event.preventDefault();
    const form = event.target;
    const send = form.querySelector("[data-send]");
    const unsent = form.querySelector("[data-unsent]");
    send.disabled = true;
    unsent.hidden = true;
    let text = "";
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch("/feedback", { method: "POST", headers: ASKED, body });
      text = await answer.text();
    } catch {
      // What was typed is still there, and can be sent again.
    }
    send.disabled = false;
    unsent.hidden = text.includes("data-feedback");
    if (!unsent.hidden) return;
    take(text);
    if (dialog.querySelector("[data-sent]")) shownFor = "";
  });
}
