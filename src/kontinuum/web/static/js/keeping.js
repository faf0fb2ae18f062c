// What the server could not be told stands encrypted in the browser until it could, so that a window that is closed
// while the line is down takes nothing with it. The key comes from the secret of the session, which is stored nowhere
// here: once the session has ended nobody can read it. See docs/decisions/0038-offline.md.

const DATABASE = "kontinuum-unsent";
const STORE = "drafts";

export class Keeping {
  constructor(form) {
    this.form = form;
    this.any = false;
  }

  // Gives whether it stands there.
  async keep(content) {
    try {
      const { name, key, about } = await this.seal();
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const text = new TextEncoder().encode(JSON.stringify(content));
      const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: about }, key, text);
      await stored("readwrite", (store) => store.put({ iv, sealed }, name));
      return (this.any = true);
    } catch {
      return false; // a browser without room or without encryption: the page goes on holding it
    }
  }

  // What stands there of this draft; null for nothing. What other sessions left is removed unread.
  async find() {
    try {
      const { name, key, about, session } = await this.seal();
      await stored("readwrite", (store) => {
        store.delete(IDBKeyRange.upperBound(session, true));
        return store.delete(IDBKeyRange.lowerBound(`${session}0`)); // "0" is next after "/"
      });
      const found = await stored("readonly", (store) => store.get(name));
      if (!found) return null;
      const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv: found.iv, additionalData: about }, key, found.sealed);
      this.any = true;
      return JSON.parse(new TextDecoder().decode(opened));
    } catch {
      return null;
    }
  }

  async drop() {
    if (!this.any) return;
    this.any = false;
    const { name } = await this.seal();
    await stored("readwrite", (store) => store.delete(name)).catch(() => {});
  }

  // Patient and template are bound into what is sealed: a draft is never opened as another patient's.
  async seal() {
    const { csrf, patient, template } = this.form.elements;
    const { session } = document.body.dataset;
    const bytes = (text) => new TextEncoder().encode(text);
    const about = bytes(`${patient.value}/${template.value}`);
    const secret = await crypto.subtle.importKey("raw", bytes(csrf.value), "HKDF", false, ["deriveKey", "deriveBits"]);
    const derived = (info) => ({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info });
    const key = await crypto.subtle.deriveKey(derived(bytes("key")), secret, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    const mark = new Uint8Array(await crypto.subtle.deriveBits(derived(about), secret, 128));
    return { name: `${session}/${mark.join("-")}`, key, about, session };
  }
}

function stored(mode, work) {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onerror = () => reject(asked.error);
    asked.onsuccess = () => {
      const deed = asked.result.transaction(STORE, mode);
      const done = work(deed.objectStore(STORE));
      deed.oncomplete = () => resolve(done.result);
      deed.onabort = deed.onerror = () => reject(deed.error);
      asked.result.close(); // once the deed is done
    };
  });
}
