// Sends a file: a small one in one request, a large one in parts, which go on where a dropped connection stopped them.

const LEAST_PART = 8 * 2 ** 20;
// Requests are counted where people sign in, so a larger file has larger parts.
const MOST_PARTS = 32;
const STALLED_MS = 60_000;
const LONGEST_WAIT_S = 30;
const MOST_FAILURES = 6;
const TEMPORARY = new Set([408, 425, 429, 502, 503, 504]);
const TEMPORARY_CODES = new Set(["upload_under_way", "upload_cut_off"]);
const KEPT = "tunebook.upload";

// What the server refused; `status` is 0 where nothing was heard of it.
export class Failure extends Error {
  constructor(status, error, retryAfter) {
    super(error?.message ?? (status ? `The server answered ${status}.` : "The connection is lost."));
    this.status = status;
    this.retryAfter = Number(retryAfter) || 0;
    this.temporary = !status || TEMPORARY.has(status) || TEMPORARY_CODES.has(error?.code);
  }
}

// The upload in parts that this tab has begun and not finished: a reload leaves it.
export const unfinished = {
  get: () => JSON.parse(sessionStorage.getItem(KEPT)),
  keep: (record) => sessionStorage.setItem(KEPT, JSON.stringify(record)),
  forget: () => sessionStorage.removeItem(KEPT),
  is: (record, file) => record && ["name", "size", "lastModified"].every((name) => record[name] === file[name]),
  sent: (record) => Math.min(record.parts.length * record.partSize, record.size),
};

export async function discard(address, record) {
  unfinished.forget();
  // It goes by itself as well, an hour after its last part.
  await send("POST", `${address}/${record.id}/cancel`).catch(() => {});
}

export class Transfer {
  #request = null;
  #resumed = null;
  #wake = () => {};
  #unsure = false;
  #record = null;
  paused = false;
  cancelled = false;

  // `small` and `parts` are the addresses; `progress` is told the bytes that have gone, `state` what goes on: "sending",
  // "waiting" (for the connection), "paused", "joining" or "starting again".
  constructor(file, { small, parts, progress, state }) {
    Object.assign(this, { file, small, parts, progress, state });
    const record = unfinished.get();
    if (unfinished.is(record, file)) {
      this.#record = record;
      this.#unsure = true;
    } else if (record) {
      discard(parts, record);
    }
  }

  // The id of the dataset; raises Failure, or the browser's own error when the file can no longer be read.
  async run() {
    let failures = 0;
    let gone = -1;
    for (;;) {
      await this.#resumed?.promise;
      if (this.cancelled) return null;
      try {
        this.state("sending");
        return await (this.file.size > LEAST_PART ? this.#inParts() : this.#inOne());
      } catch (error) {
        if (this.cancelled) return null;
        if (this.paused) continue;
        failures = this.#sent > gone ? 1 : failures + 1;
        gone = this.#sent;
        if (!error.temporary || (error.status && failures > MOST_FAILURES)) throw this.#given(error);
        await this.file.slice(0, 1).arrayBuffer(); // a file that was changed or taken away looks like a lost connection
        this.state("waiting");
        await this.#wait(error.retryAfter || Math.min(2 ** (failures - 1), LONGEST_WAIT_S));
      }
    }
  }

  pause() {
    this.paused = true;
    this.#resumed = Promise.withResolvers();
    this.#stop();
    this.state("paused");
  }

  resume() {
    this.paused = false;
    this.#resumed?.resolve();
    this.#resumed = null;
  }

  cancel() {
    this.cancelled = true;
    this.#stop();
    this.resume();
    if (this.#record) discard(this.parts, this.#record);
  }

  #stop() {
    this.#request?.abort();
    this.#wake();
  }

  // Until so many seconds are over, until the connection is back, or until somebody pauses or cancels.
  #wait(seconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.#wake = () => (clearTimeout(timer), resolve());
      addEventListener("online", this.#wake, { once: true });
    });
  }

  get #sent() {
    return this.#record ? unfinished.sent(this.#record) : 0;
  }

  // What was refused for good is not gone on with; after a new sign-in the rest may follow.
  #given(error) {
    if (this.#record && [400, 404, 409, 413].includes(error.status)) discard(this.parts, this.#record);
    return error;
  }

  #send(method, address, body, progress) {
    if (this.paused || this.cancelled) throw new Failure(0);
    const sending = send(method, address, body, progress);
    this.#request = sending.request;
    return sending;
  }

  async #inOne() {
    const body = new FormData();
    body.append("file", this.file);
    return (await this.#send("POST", this.small, body, this.progress)).session_id;
  }

  async #inParts() {
    const done = this.#unsure ? await this.#lookAgain() : null;
    if (done) return done;
    this.#record ??= await this.#begin();
    const record = this.#record;
    this.#unsure = true; // until it is through: whatever breaks, the server is asked what is there
    for (let at; (at = this.#sent) < record.size; ) {
      this.progress(at);
      const body = new FormData();
      body.append("data", this.#slice());
      const address = `${this.parts}/${record.id}/parts`;
      const part = await this.#send("POST", address, body, (bytes) => this.progress(at + bytes));
      this.#keep(part.id);
    }
    this.progress(record.size);
    this.state("joining");
    const address = `${this.parts}/${record.id}/complete`;
    const { file } = await this.#send("POST", address, JSON.stringify({ part_ids: record.parts }));
    unfinished.forget();
    return file.id;
  }

  async #begin() {
    const { name, size, lastModified } = this.file;
    const body = { bytes: size, filename: name, mime_type: this.file.type, purpose: "fine-tune" };
    const { id } = await this.#send("POST", this.parts, JSON.stringify(body));
    const partSize = Math.max(LEAST_PART, Math.ceil(size / MOST_PARTS));
    const record = { name, size, lastModified, id, partSize, parts: [] };
    unfinished.keep(record);
    return record;
  }

  #keep(partId) {
    this.#record.parts.push(partId);
    unfinished.keep(this.#record);
  }

  // The part that is to be sent next.
  #slice() {
    return this.file.slice(this.#sent, this.#sent + this.#record.partSize);
  }

  // Which parts are there after a break; answers the dataset where the upload was put together already.
  async #lookAgain() {
    const record = this.#record;
    let found = { status: "gone" };
    try {
      found = await this.#send("GET", `${this.parts}/${record.id}`);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    if (found.status === "completed") {
      if (!found.file) throw new Failure(409, { code: "upload_under_way" }, 1);
      unfinished.forget();
      return found.file.id;
    }
    if (found.status !== "pending") return this.#startAgain();
    const known = new Set(found.parts.map((part) => part.id));
    const missing = record.parts.findIndex((id) => !known.has(id));
    if (missing >= 0) record.parts.length = missing;
    await this.#adopt(found.parts.filter((part) => !record.parts.includes(part.id)));
    return null;
  }

  // The part whose answer was lost may be there: its sum tells.
  async #adopt(parts) {
    if (!parts.length || !globalThis.crypto?.subtle || this.#sent >= this.#record.size) return;
    const sum = await crypto.subtle.digest("SHA-256", await this.#slice().arrayBuffer());
    const sha256 = [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const part = parts.find((item) => item.sha256 === sha256);
    if (part) this.#keep(part.id);
  }

  #startAgain() {
    unfinished.forget();
    this.#record = null;
    this.#unsure = false;
    this.state("starting again");
    return null;
  }
}

// A promise of the JSON that is answered, with the `request` to abort; of a body that goes, `progress` is told the bytes.
function send(method, address, body, progress) {
  const request = new XMLHttpRequest();
  const answer = new Promise((resolve, reject) => {
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STALLED_MS);
    };
    request.open(method, address);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    if (typeof body === "string") request.setRequestHeader("Content-Type", "application/json");
    if (progress) {
      alive();
      request.upload.onprogress = (event) => {
        alive();
        progress(event.loaded);
      };
    }
    request.onload = () => {
      if (request.status < 300) resolve(request.response);
      else reject(new Failure(request.status, request.response?.error, request.getResponseHeader("Retry-After")));
    };
    request.onerror = request.onabort = () => reject(new Failure(0));
    request.onloadend = () => clearTimeout(timer);
    request.send(body ?? null);
  });
  return Object.assign(answer, { request });
}
