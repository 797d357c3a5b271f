// The start page's form: a file is chosen, dropped or pasted, looked at before it is sent, and sent with its progress.
// Without scripts, or while this one is not there yet, the form sends itself.

import { announcer } from "./announce.js";
import { Failure, Transfer, discard, unfinished } from "./transfer.js";
import { percent, size, time } from "./wording.js";

const REDRAW_MS = 200;
const SPEED_MS = 5000;

const find = (id) => document.getElementById(id);
const form = find("upload");
const input = find("file");
const { limit, small, parts, arrival } = form.dataset;
const announce = announcer(find("said"));
let transfer = null;

// What cannot be sent says so before a byte has gone.
function faultOf(file) {
  if (file.size > limit) {
    return `${file.name} has ${size(file.size)}, and a file may have at most ${size(limit)} here. Nothing was sent.`;
  }
  return file.size ? "" : `${file.name} is empty. Nothing was sent.`;
}

function refuse(text) {
  const place = find("refusal");
  place.textContent = text;
  place.hidden = !text;
}

function look() {
  const [file] = input.files;
  refuse(file ? faultOf(file) : "");
  find("chosen").textContent = file && !faultOf(file) ? chosen(file) : "";
}

function chosen(file) {
  const record = unfinished.get();
  const rest = unfinished.is(record, file) && `; ${size(unfinished.sent(record))} of it are here already`;
  return `${file.name}, ${size(file.size)}${rest || ""}.`;
}

function take(files) {
  if (!files.length) return;
  if (files.length > 1) return refuse("One file at a time, please: each becomes a dataset of its own.");
  const carrier = new DataTransfer();
  carrier.items.add(files[0]);
  input.files = carrier.files;
  look();
}

// Lines of JSON, or a table with a heading.
function pastedFile(text) {
  const [, first] = /^\s*(.*)/.exec(text);
  if (/^[{[]/.test(first)) return new File([text], first[0] === "[" ? "pasted.json" : "pasted.jsonl");
  const table = text.trim().includes("\n");
  if (table && first.includes("\t")) return new File([text], "pasted.tsv");
  if (table && first.includes(",")) return new File([text], "pasted.csv");
  return null;
}

document.addEventListener("paste", (event) => {
  if (transfer) return;
  const { files } = event.clipboardData;
  const text = event.clipboardData.getData("text/plain");
  if (!files.length && !text.trim()) return;
  event.preventDefault();
  const file = files.length ? null : pastedFile(text);
  if (files.length || file) {
    take(file ? [file] : files);
    form.querySelector("[type=submit]").focus();
  } else {
    refuse("What was pasted is neither JSON nor a table with a heading: see below what it may look like.");
  }
});

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault(); // else the browser opens the file instead of this page
  document.body.classList.toggle("dropping", !transfer);
});

addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});

addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (transfer) return;
  take(event.dataTransfer.files);
  if (find("refusal").hidden) form.requestSubmit();
});

form.querySelector(".drop").addEventListener("click", (event) => {
  if (!event.target.closest("input, label")) input.click();
});

input.addEventListener("change", look);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  look();
  if (!transfer && find("refusal").hidden) upload(input.files[0]);
});

async function upload(file) {
  const meter = new Meter(file);
  transfer = new Transfer(file, { small, parts, progress: (bytes) => meter.progress(bytes), state: (now) => meter.state(now) });
  show(true);
  try {
    const id = await transfer.run();
    if (id) arrive(id);
    else back("Cancelled. Nothing of it is kept.");
  } catch (error) {
    back(error instanceof Failure ? error.message : `${file.name} can no longer be read: choose it again.`, true);
  }
}

function back(text, failed) {
  transfer = null;
  show(false);
  look();
  if (failed) refuse(text);
  else announce(text, true);
  form.querySelector("[type=submit]").focus();
}

function show(sending) {
  find("choosing").hidden = sending;
  find("sending").hidden = !sending;
  find("unfinished").hidden = true;
  find("pause").textContent = "Pause";
  if (sending) find("pause").focus();
}

// By a form's way, so that a visitor's browser keeps in mind what it has uploaded.
function arrive(id) {
  const going = document.createElement("form");
  going.method = "post";
  going.action = arrival.replace("ID", id);
  document.body.append(going);
  going.submit();
}

find("pause").addEventListener("click", () => {
  if (transfer.paused) transfer.resume();
  else transfer.pause();
  find("pause").textContent = transfer.paused ? "Resume" : "Pause";
});

find("cancel").addEventListener("click", () => transfer.cancel());

// Draws how far a file is: bytes, speed, time left.
class Meter {
  #seen = [];
  #drawn = -Infinity;
  #what = "Uploading";

  constructor(file) {
    this.file = file;
    this.name = file.name;
  }

  state(now) {
    const said = {
      sending: `Uploading ${this.name}`,
      waiting: "Waiting for the connection. It goes on by itself.",
      paused: `Paused: ${this.name}`,
      joining: "All of it is there. Putting the parts together.",
      "starting again": "The upload had expired. It starts again.",
    };
    this.#seen = [];
    this.#what = said[now];
    find("stage").textContent = this.#what;
    if (now !== "sending") announce(this.#what, true);
  }

  progress(bytes) {
    const now = performance.now();
    const sent = Math.min(bytes, this.file.size);
    this.#seen.push({ now, sent });
    while (now - this.#seen[0].now > SPEED_MS) this.#seen.shift();
    if (now - this.#drawn < REDRAW_MS && sent < this.file.size) return;
    this.#drawn = now;
    const share = sent / this.file.size;
    find("sent").value = share;
    find("figures").textContent = [`${size(sent)} of ${size(this.file.size)}`, percent(share), ...this.#pace(sent)].join(", ");
    announce(`${this.#what}: ${percent(share)}`);
  }

  #pace(sent) {
    const [first] = this.#seen;
    const seconds = (performance.now() - first.now) / 1000;
    const speed = (sent - first.sent) / seconds;
    if (seconds < 0.5 || !(speed > 0)) return [];
    return [`${size(speed)}/s`, `${time(Math.ceil((this.file.size - sent) / speed))} left`];
  }
}

function offerTheRest() {
  const record = unfinished.get();
  if (!record) return;
  const place = find("unfinished");
  const stand = `${size(unfinished.sent(record))} of ${size(record.size)}`;
  place.querySelector("p").textContent = `The upload of ${record.name} was not finished: ${stand} are here. Choose the same file again, and it goes on from there.`;
  place.hidden = false;
  find("discard").addEventListener("click", () => {
    discard(parts, record);
    place.hidden = true;
    input.focus();
  });
}

// A page that comes back from the browser's memory has nothing under way.
addEventListener("pageshow", (event) => event.persisted && show(false));
find("drop-hint").hidden = false;
offerTheRest();
if (input.files.length) look();
