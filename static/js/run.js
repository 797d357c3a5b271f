// Follows a run by server-sent events: state, progress, figures and log change in place. Whatever breaks the line, the
// stream goes on behind the last event seen; when the run ends, the page is fetched as it then is.

import { refresh } from "./charts.js";

const LOG_LENGTH = 200_000;
const ROWS = 10;
const RETRY_MS = 5000;

const find = (id) => document.getElementById(id);
const run = find("run");
const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
let seen = Number(run.dataset.after);
let source;

function connect() {
  source = new EventSource(`${run.dataset.stream}?after=${seen}`);
  source.onopen = () => say("");
  source.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.seq && message.seq <= seen) return;
    seen = message.seq ?? seen;
    tell[message.type]?.(message);
  };
  source.addEventListener("end", finish);
  source.onerror = () => {
    say("The connection is lost; trying again.");
    // The browser gives up when it is refused or told that nothing comes any more: look which it is, later.
    if (source.readyState === EventSource.CLOSED) setTimeout(lookAgain, RETRY_MS);
  };
}

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
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    log.append(message.message);
    if (log.textContent.length > 2 * LOG_LENGTH) log.textContent = log.textContent.slice(-LOG_LENGTH);
    if (atEnd) log.scrollTop = log.scrollHeight;
  },
  metrics({ data }) {
    find("no-metrics")?.remove();
    refresh();
    const figures = [data.step, data.epoch, data.loss, data.eval_loss, data.learning_rate, data.tokens_per_second];
    const row = document.createElement("tr");
    for (const text of [...figures.map((value) => (value == null ? "–" : number.format(value))), time(data.eta_seconds)]) {
      const cell = row.insertCell();
      cell.className = "figure";
      cell.textContent = text;
    }
    const body = document.querySelector("#run tbody");
    body.prepend(row);
    while (body.rows.length > ROWS) body.lastElementChild.remove();
  },
};

function time(seconds) {
  if (seconds == null) return "–";
  const [length, unit] = seconds >= 3600 ? [3600, "h"] : seconds >= 60 ? [60, "min"] : [1, "s"];
  return `${new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(seconds / length)} ${unit}`;
}

function say(text) {
  const place = find("connection");
  if (place) place.textContent = text;
}

async function page() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  // A run that was deleted has a page, too: the one that says so.
  if (!answer.ok && answer.status !== 404) throw new Error(answer.statusText);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function finish() {
  source.close();
  try {
    const fresh = await page();
    document.title = fresh.title;
    document.querySelector("main").replaceWith(fresh.querySelector("main"));
  } catch {
    setTimeout(finish, RETRY_MS);
  }
}

async function lookAgain() {
  try {
    const fresh = await page();
    if (fresh.getElementById("run")?.dataset.stream) connect();
    else finish();
  } catch {
    setTimeout(lookAgain, RETRY_MS);
  }
}

find("log").scrollTop = find("log").scrollHeight;
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => event.persisted && connect());
connect();
