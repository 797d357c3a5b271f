// Follows a run on its page or its notebook's: state, progress, cells, figures and log change in place. When the run
// ends, the page is fetched as it then is.

import { refresh } from "./charts.js";
import { fetchPage, showPage } from "./page.js";
import { follow } from "./stream.js";
import { time } from "./wording.js";

const LOG_LENGTH = 200_000;
const ROWS = 10;
const RETRY_MS = 5000;
// Jobs are called off before what they belong to is deleted, which may wait for some of them.
const DELETION_MS = [1000, 3000, 7000, 15_000];
const GIB = 1024 ** 3;

const find = (id) => document.getElementById(id);
const digits = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const number = (value) => (value == null ? "–" : digits.format(value));
let attempt = 0;

const tell = {
  status(message) {
    find("status").textContent = message.status;
    document.title = document.title.replace(/, \w+ - /, `, ${message.status} - `);
  },
  progress(message) {
    find("progress").value = message.progress;
    find("message").textContent = message.message || "Waiting for its turn";
  },
  log(message) {
    const log = find("log");
    if (!log) return;
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    log.append(message.message);
    if (log.textContent.length > 2 * LOG_LENGTH) log.textContent = log.textContent.slice(-LOG_LENGTH);
    if (atEnd) log.scrollTop = log.scrollHeight;
  },
  cell_started(message) {
    // Another attempt goes through all cells again.
    if (message.attempt > attempt) document.querySelectorAll("#cells li").forEach((row) => show(row, "waiting"));
    attempt = message.attempt;
    const row = rowOf(message);
    if (!row) return;
    row.dataset.began = message.timestamp;
    show(row, "running");
  },
  cell_finished(message) {
    const row = rowOf(message);
    if (!row) return;
    const took = row.dataset.began ? (new Date(message.timestamp) - new Date(row.dataset.began)) / 1000 : null;
    show(row, message.data.ok ? "done" : "failed", took == null ? "" : time(Math.round(10 * took) / 10));
  },
  metrics({ data }) {
    find("no-metrics")?.remove();
    refresh();
    for (const [name, text] of Object.entries(atAGlance(data))) {
      const place = document.querySelector(`[data-figure="${name}"]`);
      if (place) place.textContent = text;
    }
    const body = document.querySelector("#run table.last tbody");
    if (!body) return;
    const row = document.createElement("tr");
    const figures = [data.step, data.epoch, data.loss, data.eval_loss, data.learning_rate, data.tokens_per_second];
    for (const text of [...figures.map(number), time(data.eta_seconds)]) {
      const cell = row.insertCell();
      cell.className = "figure";
      cell.textContent = text;
    }
    body.prepend(row);
    while (body.rows.length > ROWS) body.lastElementChild.remove();
  },
  line(up) {
    find("connection").textContent = up ? "" : "The connection is lost; trying again.";
  },
  async over() {
    return !(await fetchPage()).getElementById("run")?.dataset.stream;
  },
  async end() {
    try {
      const cancelled = find("status")?.textContent === "cancelled";
      if (await isDeleted()) return;
      showPage(await fetchPage());
      begin();
      if (cancelled) DELETION_MS.forEach((wait) => setTimeout(look, wait));
    } catch (error) {
      setTimeout(tell.end, Math.max(error.wait ?? 0, RETRY_MS));
    }
  },
};

// Whether what this page shows was deleted meanwhile, which it then says.
async function isDeleted() {
  const { status } = await fetch(location.href, { method: "HEAD" });
  if (status !== 404) return false;
  if (find("run")) sayDeleted();
  return true;
}

// A server that is away for a moment is asked again another time.
const look = () => isDeleted().catch(() => {});

function sayDeleted() {
  const main = document.querySelector("main");
  const told = document.createElement("p");
  told.className = "problem";
  told.role = "alert";
  told.textContent = "This was deleted.";
  main.replaceChildren(main.querySelector("h1"), told);
}

const rowOf = (message) => document.querySelector(`#cells [data-cell="${CSS.escape(message.data.tag ?? "")}"]`);

function show(row, state, took = "") {
  row.className = state;
  row.querySelector(".state").textContent = state;
  row.querySelector(".time").textContent = took;
}

// What is known of the newest step; what was not told stays as it was.
function atAGlance(data) {
  const words = {
    step: data.total_steps ? `${number(data.step)} of ${number(data.total_steps)}` : number(data.step),
    memory_bytes: `${number(data.memory_bytes / GIB)} GiB`,
    eta_seconds: time(data.eta_seconds),
  };
  for (const name of ["loss", "eval_loss", "learning_rate", "tokens_per_second"]) words[name] = number(data[name]);
  return Object.fromEntries(Object.entries(words).filter(([name]) => data[name] != null));
}

function begin() {
  const run = find("run");
  if (!run?.dataset.stream) return;
  attempt = Number(run.dataset.attempt);
  const log = find("log");
  if (log) log.scrollTop = log.scrollHeight;
  follow(run.dataset.stream, run.dataset.after, tell);
}

document.addEventListener("visibilitychange", () => document.hidden || look());
begin();
