// Keeps what waits for a job up to date, `data-refresh` seconds apart, without a reload: the part of the page that has
// an id, else all of its content.

import { fetchPage, showPage } from "./page.js";

const waiting = () => document.querySelector("[data-refresh]");

async function refresh() {
  let wait = 0;
  try {
    showPage(await fetchPage(), waiting().id || undefined);
  } catch (error) {
    // The server is away for a moment: the next turn tries again, not before it is asked to.
    wait = error.wait ?? 0;
  }
  schedule(wait);
}

function schedule(wait = 0) {
  if (waiting()) setTimeout(refresh, Math.max(wait, 1000 * Number(waiting().dataset.refresh)));
}

schedule();
