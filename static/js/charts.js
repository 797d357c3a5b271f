// Brings the charts of lines to life: the figures under the pointer or the arrow keys, zoom by dragging, another scale.
// The server draws them: what is to be seen is asked for by the address, and the drawing is swapped.

const curves = () => document.getElementById("curves");
let query = new URLSearchParams(location.search);
let waiting = null;

async function draw() {
  const began = performance.now();
  const place = curves();
  if (!place) return; // the page has become another one
  const address = new URL(place.dataset.url, location.href);
  for (const [name, value] of query) address.searchParams.set(name, value);
  const answer = await fetch(address);
  if (!answer.ok) return;
  const open = [...place.querySelectorAll("details[open]")].map((item) => item.closest("figure").id);
  const inside = place.contains(document.activeElement);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  place.replaceChildren(...fresh.body.childNodes);
  for (const id of open) document.getElementById(id)?.querySelector("details")?.setAttribute("open", "");
  if (inside) place.querySelector("a")?.focus();
  return performance.now() - began;
}

// Draws soon; a run that tells much costs the server and this page a tenth of their time at most.
export function refresh() {
  waiting ??= setTimeout(async () => {
    let took = 0;
    try {
      took = (await draw()) ?? 0;
    } finally {
      waiting = setTimeout(() => (waiting = null), 9 * took);
    }
  }, 250);
}

function show(next) {
  query = next;
  const address = new URL(location.href);
  address.search = query;
  history.replaceState(null, "", address);
  draw();
}

// On the document: the page may swap its content while it is shown.
document.addEventListener("click", (event) => {
  const link = event.target.closest("#curves a[data-window]");
  if (!link || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  show(new URL(link.href).searchParams);
});

const figureOf = (event) => event.target.closest?.("#curves figure.lines[data-low]");

// Where the pointer is, in the units of the drawing.
function across(figure, event) {
  const box = figure.querySelector("svg").getBoundingClientRect();
  const { left, right } = figure.dataset;
  const x = ((event.clientX - box.left) / box.width) * figure.querySelector("svg").viewBox.baseVal.width;
  return Math.min(Math.max(x, left), right);
}

function readOut(figure, row) {
  if (!row) return;
  const names = [...figure.querySelectorAll("thead th")].map((cell) => cell.textContent);
  const said = [...row.cells].map((cell, index) => `${names[index]} ${cell.textContent}`);
  figure.querySelector(".readout").textContent = said.filter((text) => !text.endsWith("–")).join(", ");
  shape(figure, "cursor", "path").setAttribute("d", `M${row.dataset.x} ${figure.dataset.top}V${figure.dataset.bottom}`);
  figure.dataset.at = row.rowIndex;
}

function shape(figure, name, kind) {
  const svg = figure.querySelector("svg");
  const found = svg.querySelector(`.${name}`);
  if (found) return found;
  const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
  made.setAttribute("class", name);
  return svg.appendChild(made);
}

const rows = (figure) => [...figure.querySelectorAll("tbody tr")];

function nearest(figure, x) {
  const distance = (row) => Math.abs(row.dataset.x - x);
  return rows(figure).reduce((best, row) => (distance(row) < distance(best) ? row : best));
}

let drag = null;

document.addEventListener("pointerdown", (event) => {
  const figure = event.target.closest("svg") && figureOf(event);
  if (figure && event.button === 0) drag = { figure, from: across(figure, event) };
});

document.addEventListener("pointermove", (event) => {
  const figure = drag?.figure ?? (event.target.closest("svg") && figureOf(event));
  if (!figure) return;
  const x = across(figure, event);
  readOut(figure, nearest(figure, x));
  if (!drag) return;
  const box = shape(figure, "selection", "rect");
  const { top, bottom } = figure.dataset;
  const sides = { x: Math.min(x, drag.from), y: top, width: Math.abs(x - drag.from), height: bottom - top };
  for (const [name, value] of Object.entries(sides)) box.setAttribute(name, value);
});

addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { figure, from } = drag;
  const to = across(figure, event);
  drag = null;
  figure.querySelector(".selection")?.remove();
  if (Math.abs(to - from) < 8) return;
  const { low, high, left, right } = figure.dataset;
  const step = (x) => (Number(low) + ((x - left) / (right - left)) * (high - low)).toPrecision(6);
  const next = new URLSearchParams(query);
  next.set("from", step(Math.min(from, to)));
  next.set("to", step(Math.max(from, to)));
  show(next);
});

document.addEventListener("keydown", (event) => {
  const figure = event.target.closest("svg") && figureOf(event);
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!figure || !by) return;
  event.preventDefault();
  const all = rows(figure);
  const at = figure.dataset.at ? Number(figure.dataset.at) - 1 + by : by > 0 ? 0 : all.length - 1;
  readOut(figure, all[Math.min(Math.max(at, 0), all.length - 1)]);
});
