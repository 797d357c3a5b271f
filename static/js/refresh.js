// Keeps what waits for a job up to date, `data-refresh` seconds apart, without a reload: the part of the page that has
// an id, else all of its content.

import { fetchPage, showPage } from "./page.js";

const waiting = () => document.querySelector("[data-refresh]");

async function refresh() {
  try {
    showPage(await fetchPage(), waiting().id || undefined);
  } catch {
    // The server is away for a moment: the next turn tries again.
  }
  schedule();
}

function schedule() {
  if (waiting()) setTimeout(refresh, Number(waiting().dataset.refresh) * 1000);
}

schedule();
