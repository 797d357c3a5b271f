// Recomputes a training plan as one types: the server answers the form as it would be shown, and what has data-live, and
// every value that nobody is typing, is put in its place. The focus stays where it is.

import { isSignedOut, wayBackIn } from "./signed_out.js";
import { time } from "./wording.js";

const PAUSE_MS = 250;
const EVERY_MS = 1500; // who types for a minute asks 40 times, of the 60 that they may
const OLD_FIGURES = "then change something: the figures are those of before.";

const form = document.getElementById("plan");
const verdict = document.getElementById("verdict");
let timer;
let asking;
let free = 0; // from when on the server may be asked again

form.addEventListener("input", () => {
  asking?.abort(); // its answer would be one to what is no longer there
  checkLater();
});

function checkLater() {
  clearTimeout(timer);
  timer = setTimeout(check, Math.max(PAUSE_MS, free - performance.now()));
}

async function check() {
  const mine = (asking = new AbortController());
  free = performance.now() + EVERY_MS;
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.dataset.check, { method: "POST", body: new FormData(form), signal: mine.signal });
    if (isSignedOut(answer)) verdict.replaceChildren(...wayBackIn(answer, OLD_FIGURES));
    else if (answer.status === 429) wait(Number(answer.headers.get("Retry-After")));
    else if (!answer.ok) throw new Error(answer.statusText);
    else show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    if (!mine.signal.aborted) verdict.textContent = "This could not be recomputed. Change something to try again.";
  }
  if (mine === asking) form.removeAttribute("aria-busy");
}

function wait(seconds) {
  verdict.textContent = `Too many changes for one minute: this is recomputed in ${time(seconds)}.`;
  free = performance.now() + 1000 * seconds;
  checkLater();
}

function show(fresh) {
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const old = document.getElementById(part.id);
    if (!old.isEqualNode(part)) old.replaceChildren(...part.childNodes);
  }
  const typing = document.activeElement;
  for (const field of fresh.querySelectorAll("input[name], select[name]")) {
    const own = field.id ? document.getElementById(field.id) : form.elements[field.name];
    if (!own?.matches?.("input, select") || own.type === "radio") continue;
    own.ariaInvalid = field.ariaInvalid;
    if (own === typing || own.name === `was-${typing.name}`) continue;
    if (own.type === "checkbox") own.checked = field.checked;
    else own.value = field.value;
  }
}
