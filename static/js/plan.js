// Recomputes a training plan as one types: the server answers the form as it would be shown, and what has data-live, and
// every value that nobody is typing, is put in its place. The focus stays where it is.

const PAUSE_MS = 250;

const form = document.getElementById("plan");
const verdict = document.getElementById("verdict");
let timer;
let asking;

form.addEventListener("input", () => {
  asking?.abort(); // its answer would be one to what is no longer there
  clearTimeout(timer);
  timer = setTimeout(check, PAUSE_MS);
});

async function check() {
  const mine = (asking = new AbortController());
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.dataset.check, { method: "POST", body: new FormData(form), signal: mine.signal });
    if (!answer.ok) throw new Error(answer.statusText);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    if (!mine.signal.aborted) verdict.textContent = "This could not be recomputed. Change something to try again.";
  }
  if (mine === asking) form.removeAttribute("aria-busy");
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
