// Pictures, files and dictation beside the writing pane: chosen, taken, pasted, dragged or recorded. Each is
// sent as it is, with its progress, and stands beside the draft from then on.

import { ask, told } from "./asking.js";

export function startFiles(form, writing) {
  const section = form.parentElement.querySelector("[data-files]");
  return section ? new Files(form, writing, section) : null;
}

class Files {
  constructor(form, writing, section) {
    this.form = form;
    this.writing = writing;
    this.section = section;
    section.hidden = false;
    this.problem = section.querySelector("[data-problem-of-files]");
    this.list = section.querySelector("[data-list]");
    this.most = section.dataset.most * 1024 * 1024;
    this.queue = Promise.resolve();
    this.recorder = null;
    for (const file of JSON.parse(section.dataset.files)) this.show(this.row(file.name, file.size), file);
    for (const input of section.querySelectorAll("[data-choose]")) {
      input.addEventListener("change", () => {
        this.take(input.files);
        input.value = "";
      });
    }
    const place = form.parentElement;
    place.addEventListener("paste", (event) => this.paste(event));
    for (const name of ["dragenter", "dragover"]) place.addEventListener(name, (event) => this.over(event));
    place.addEventListener("dragleave", (event) => place.contains(event.relatedTarget) || this.mark(false));
    place.addEventListener("drop", (event) => this.drop(event));
    addEventListener("online", () => {
      for (const again of section.querySelectorAll("[data-again]:not([hidden])")) again.click();
    });
    const record = section.querySelector("[data-record]");
    if (window.MediaRecorder) record.addEventListener("click", () => this.record(record));
    else record.hidden = true;
  }

  paste(event) {
    const files = event.clipboardData?.files;
    // A text that is copied from a document has a picture of itself with it: the text is what is meant.
    if (!files?.length || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    this.take(files);
  }

  over(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.mark(true);
  }

  drop(event) {
    this.mark(false);
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    this.take(event.dataTransfer.files);
  }

  mark(on) {
    this.section.classList.toggle("files-over", on);
  }

  take(files, kind = "attachment") {
    for (const file of files) this.after(() => this.add(file, kind));
  }

  tell(text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
  }

  // Whether something would be lost by leaving the page now.
  busy() {
    return Boolean(this.recorder || this.list.querySelector("[data-unsent]"));
  }

  // Waits for what is on its way; true, and told, when something is not there yet.
  async unsent() {
    if (this.section.contains(document.activeElement)) document.activeElement.blur();
    await this.queue;
    if (!this.busy()) return false;
    this.tell(this.recorder ? this.section.dataset.recording : this.section.dataset.unsent);
    return true;
  }

  after(work) {
    this.queue = this.queue.then(work);
    return this.queue;
  }

  async add(file, kind) {
    this.tell("");
    if (kind !== "dictation" && file.size > this.most) {
      return this.tell(this.section.dataset.tooLarge.replace("NAME", () => file.name));
    }
    const row = this.row(file.name, file.size);
    row.dataset.unsent = "";
    await this.send(row, file, kind);
  }

  async send(row, file, kind) {
    const progress = row.querySelector("progress");
    const again = row.querySelector("[data-again]");
    progress.hidden = false;
    again.hidden = true;
    const draft = await this.writing.draft();
    const answer = draft && (await upload(`${this.section.dataset.address}/${draft}/files`, file, kind, this.marks, progress));
    progress.hidden = true;
    if (answer?.id) {
      delete row.dataset.unsent;
      this.tell("");
      return this.show(row, answer);
    }
    this.tell(answer?.refused?.join(" ") ?? (draft ? `${file.name} ${this.section.dataset.failed}` : this.section.dataset.notKept));
    // What is on the disk can be chosen anew. What was said is nowhere else.
    if (answer?.refused && kind !== "dictation") return row.remove();
    again.hidden = false;
    again.onclick = () => this.after(() => this.send(row, file, kind));
    row.querySelector("[data-remove]").onclick = () => row.remove();
  }

  // What is sent says whose it is: a file has no field for it.
  get marks() {
    const { csrf, patient } = this.form.elements;
    return { "x-csrf-token": csrf.value, "x-patient": patient.value, "hx-request": "true" };
  }

  row(name, size) {
    const row = this.section.querySelector("[data-row]").content.firstElementChild.cloneNode(true);
    row.querySelector("[data-name]").textContent = name;
    row.querySelector("[data-size]").textContent = sized(size);
    row.querySelector("[data-remove] span").textContent = `: ${name}`;
    row.querySelector("[data-fields]").hidden = true;
    this.list.append(row);
    return row;
  }

  // A file that the server has: what it shows, where it belongs, and the way to take it away.
  show(row, file) {
    row.querySelector("[data-size]").textContent = sized(file.size);
    row.querySelector(".files-look").replaceChildren(look(file));
    const address = `${this.section.dataset.address}/${this.form.elements.draft.value}/files/${file.id}`;
    const [text, heading] = [row.querySelector("[data-text]"), row.querySelector("[data-heading]")];
    row.querySelector("[data-fields]").hidden = file.kind === "dictation";
    text.value = file.text ?? "";
    heading.value = file.heading ?? "";
    const change = () => this.after(() => this.post(address, { text: text.value, heading: heading.value }));
    text.addEventListener("change", change);
    heading.addEventListener("change", change);
    row.querySelector("[data-remove]").onclick = async () => {
      if (!(await this.post(address, { do: "remove" }))) return;
      row.remove();
      this.offer();
    };
    row.dataset.kind = file.kind;
    this.offer();
  }

  offer() {
    this.form.querySelector("[data-hand-over]").hidden = !this.list.querySelector("[data-kind=dictation]");
  }

  async post(address, fields) {
    try {
      const answer = await ask(address, {
        method: "POST",
        body: new URLSearchParams(fields),
        headers: this.marks,
      });
      if (answer.ok) return true;
      const told = answer.headers.get("content-type")?.includes("json") ? await answer.json() : null;
      this.tell(told?.refused?.join(" ") ?? this.section.dataset.failed);
    } catch {
      this.tell(this.section.dataset.failed);
    }
    return false;
  }

  async record(button) {
    if (this.recorder) return this.recorder.stop();
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      return this.tell(this.section.dataset.noMicrophone);
    }
    const label = button.querySelector("span");
    const usual = label.textContent;
    const parts = [];
    let size = 0;
    const recorder = new MediaRecorder(stream, { audioBitsPerSecond: 32000 });
    this.recorder = recorder;
    const began = Date.now();
    const clock = setInterval(() => (label.textContent = `${button.dataset.stop} ${length(began)}`), 500);
    label.textContent = button.dataset.stop;
    button.setAttribute("aria-pressed", "true");
    recorder.addEventListener("dataavailable", ({ data }) => {
      parts.push(data);
      size += data.size;
      // So much is taken: what is said is kept, and a new one can be begun.
      if (size > 0.95 * this.most && recorder.state === "recording") recorder.stop();
    });
    recorder.addEventListener("stop", () => {
      const type = recorder.mimeType.split(";")[0];
      const name = `${this.section.dataset.dictation} ${length(began)}.${type.split("/")[1]}`;
      for (const track of stream.getTracks()) track.stop();
      clearInterval(clock);
      label.textContent = usual;
      button.setAttribute("aria-pressed", "false");
      this.take([new File(parts, name, { type })], "dictation");
      this.recorder = null;
    });
    recorder.start(1000);
  }
}

function look(file) {
  if (file.kind === "dictation") {
    return Object.assign(document.createElement("audio"), { controls: true, preload: "metadata", src: file.address });
  }
  const link = Object.assign(document.createElement("a"), { href: file.address, target: "_blank" });
  if (!file.picture) {
    link.textContent = file.name.split(".").pop().toUpperCase();
    link.setAttribute("aria-label", file.name);
    return link;
  }
  link.append(Object.assign(document.createElement("img"), { src: file.address, alt: file.name, loading: "lazy" }));
  return link;
}

const sized = (bytes) => (bytes < 1048576 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 1048576).toFixed(1).replace(".", ",")} MB`);

function length(began) {
  const seconds = Math.round((Date.now() - began) / 1000);
  return `${Math.floor(seconds / 60)}.${String(seconds % 60).padStart(2, "0")}`;
}

// What `fetch` cannot tell: how much is sent.
function upload(address, file, kind, marks, progress) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${address}?${new URLSearchParams({ name: file.name, kind })}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    for (const [name, value] of Object.entries(marks)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => event.lengthComputable && (progress.value = event.loaded / event.total));
    request.addEventListener("load", () => {
      told(request.status, request.responseURL);
      try {
        resolve(JSON.parse(request.responseText));
      } catch {
        resolve(null);
      }
    });
    request.addEventListener("error", () => resolve(null));
    request.send(file);
  });
}
