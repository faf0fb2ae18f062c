// Who else writes: what another window of one's own wrote comes in by itself, and others on the same note are named.
// Windows of the same browser tell each other; what is written elsewhere is asked for.

import { ask } from "./asking.js";

const EVERY = 5000;

export function startTogether(form, writing) {
  const place = form.querySelector("[data-together]");
  if (!place) return;
  const windows = new BroadcastChannel(`kontinuum-draft-${form.elements.patient.value}-${form.elements.template.value}`);
  let told = null;
  const timer = setInterval(look, EVERY);
  windows.addEventListener("message", look);
  addEventListener("focus", look);
  form.addEventListener("draft-kept", () => {
    // Who only takes in what was written elsewhere has nothing to tell, or the windows would never fall silent.
    const version = form.elements.version.value;
    // The last save of a pane that is gone may be answered after its channel was closed.
    if (told !== version && form.isConnected) windows.postMessage(version);
    told = version;
  });

  async function look(event) {
    if (!form.isConnected) {
      clearInterval(timer);
      removeEventListener("focus", look);
      return windows.close();
    }
    if (writing.left || writing.sending || (!event && document.visibilityState === "hidden")) return;
    try {
      const question = new URLSearchParams({ template: form.elements.template.value });
      const answer = await ask(`${place.dataset.together}?${question}`, { headers: { "hx-request": "true" } });
      if (answer.ok) await show(await answer.json());
    } catch {
      // Without a line there is nobody to show; what is typed is kept by the saving.
    }
  }

  async function show({ version, note, others }) {
    // What was saved here while the question was on its way is not another window's.
    const mine = Number(form.elements.version.value);
    const said = [];
    if (others.length) said.push(place.dataset.others.replace("NAMES", () => others.join(", ")));
    const base = Number(form.elements["~base"]?.value);
    if (base && note > base) said.push(place.dataset.changed);
    if (mine && !version) said.push(place.dataset.gone);
    if (version > mine && !writing.sending) {
      told = String(version);
      await writing.save();
      said.push(place.dataset.window);
    } else if (place.textContent.includes(place.dataset.window)) {
      said.push(place.dataset.window);
    }
    const text = said.join(" ");
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
  }
}
