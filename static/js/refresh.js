// Keeps a page that waits for a job up to date: fetches it again and swaps its content, without a reload.

import { fetchPage, showPage } from "./page.js";

const seconds = () => Number(document.querySelector("[data-refresh]")?.dataset.refresh ?? 0);

async function refresh() {
  try {
    showPage(await fetchPage());
  } catch {
    // The server is away for a moment: the next turn tries again.
  }
  schedule();
}

function schedule() {
  if (seconds() > 0) setTimeout(refresh, seconds() * 1000);
}

schedule();
