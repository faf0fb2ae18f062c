// A picture of a note, large: the others of the same note follow by the arrows. Whose it is stands above it.

export function startPictures() {
  const dialog = document.getElementById("picture");
  if (!dialog) return;
  const part = (name) => dialog.querySelector(`[data-picture-${name}]`);
  let links = [];
  let at = 0;

  const show = (number) => {
    at = (number + links.length) % links.length;
    const { alt } = links[at].querySelector("img");
    part("large").replaceChildren(Object.assign(document.createElement("img"), { src: links[at].href, alt }));
    part("what").textContent = alt;
    const said = { "{number}": at + 1, "{count}": links.length };
    part("of").textContent = links.length > 1 ? dialog.dataset.of.replace(/\{\w+\}/g, (name) => said[name]) : "";
    for (const button of dialog.querySelectorAll("[data-picture-step]")) button.hidden = links.length < 2;
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest(":is(.note-file, .files-look) > a:has(img)");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    // Where notes of several patients are read and signed, each keeps to its own.
    const banner = document.querySelector(".banner");
    const holder = link.closest("[id^=note-], .reading-note, .inbox-row, .files-list") ?? link.closest(banner ? "main" : ".note-files");
    links = [...holder.querySelectorAll(":is(.note-file, .files-look) > a:has(img)")];
    const who = (banner ?? holder).querySelectorAll(banner ? "h1, .banner-number .number" : ".who");
    part("who").textContent = [...who].map((one) => one.textContent.trim()).join(" ");
    show(links.indexOf(link));
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    const step = event.target.closest("[data-picture-step]");
    if (step) show(at + Number(step.dataset.pictureStep));
    else if (event.target === dialog || event.target.closest("[data-picture-close]")) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || links.length < 2) return;
    event.preventDefault();
    show(at + step);
  });
  // Nothing of a patient stays behind in a window that is closed.
  dialog.addEventListener("close", () => part("large").replaceChildren());
}
