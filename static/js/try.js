// Asks without leaving the page, and writes the answers as they come by server-sent events. The server draws: whatever
// begins or ends here is fetched from it, pieces of answers alone are added in place.

import { isSignedOut, wayBackIn } from "./signed_out.js";
import { follow } from "./stream.js";

const RETRY_MS = 5000;
const find = (id) => document.getElementById(id);
let leave;

function connect() {
  leave?.();
  const { stream, after } = find("try").dataset;
  leave = stream ? follow(stream, after, tell) : null;
}

const tell = {
  progress({ message }) {
    const place = find("message");
    if (place && message) place.textContent = message;
  },
  ready() {
    find("loading")?.remove();
    announce("Both models are loaded");
  },
  prompt({ seq }) {
    if (!document.querySelector(`[data-prompt="${seq}"]`)) redraw(); // asked in another tab
  },
  writing({ data }) {
    const place = sideOf(data);
    place?.querySelector(".content").replaceChildren();
    note(place, "Writing");
  },
  piece({ data }) {
    sideOf(data)?.querySelector(".content").append(data.text);
  },
  answer({ data }) {
    announce(data.side === "base" ? "The base model has answered" : "The fine-tuned model has answered");
    redraw();
  },
  line: (up) => say(up ? "" : "The connection is lost; trying again."),
  end: () => redraw(),
  over: () => true, // what is shown then is asked for anew
};

const sideOf = ({ prompt, side }) => document.querySelector(`[data-prompt="${prompt}"] [data-side="${side}"]`);

function note(place, words) {
  if (place) place.querySelector(".hint").textContent = words;
}

function announce(words) {
  find("told").textContent = words;
}

function say(text) {
  const place = find("connection");
  if (place) place.textContent = text;
}

// One at a time, and the latest wins: what was written meanwhile comes again from the stream.
let drawing = 0;

async function redraw() {
  const mine = ++drawing;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok && answer.status !== 404) throw new Error(answer.statusText);
    if (isSignedOut(answer)) return refuse(...wayBackIn(answer, "to see the answers."));
    const fresh = await parsed(answer);
    if (mine === drawing) swap(fresh);
  } catch {
    if (mine === drawing) setTimeout(redraw, RETRY_MS);
  }
}

const parsed = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");

function swap(fresh) {
  const old = find("try");
  const made = fresh.getElementById("try");
  if (!made) return location.reload(); // the run was deleted
  const inside = old.contains(document.activeElement);
  old.replaceWith(made);
  if (inside) find("text")?.focus();
  connect();
}

// Whether it was done; what was not is said, and what was typed stays.
async function send(form) {
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
  if (isSignedOut(answer)) {
    refuse(...wayBackIn(answer, "then send this again."));
    return false;
  }
  const fresh = await parsed(answer);
  drawing += 1;
  const refusal = fresh.querySelector(".problem");
  find("refused").replaceChildren(...(answer.ok || !refusal ? [] : [refusal]));
  const drawn = fresh.getElementById("try");
  if (drawn) swap(fresh);
  return answer.ok && drawn;
}

function refuse(...words) {
  const told = document.createElement("p");
  told.className = "problem";
  told.role = "alert";
  told.append(...words);
  find("refused").replaceChildren(told);
}

// One listener for the page, as forms come and go with what is drawn anew.
document.querySelector("main").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = event.submitter;
  button.disabled = true;
  try {
    if ((await send(form)) && form.id === "ask") {
      find("text").value = "";
      find("text").focus();
    }
  } catch {
    say("The server does not answer: try again.");
  }
  button.disabled = false;
});

find("text")?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) find("ask").requestSubmit(find("ask").querySelector("button"));
});
connect();
