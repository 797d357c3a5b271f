// Keeps a page that waits for a job up to date: fetches it again and swaps its content, without a reload.

const seconds = () => Number(document.querySelector("[data-refresh]")?.dataset.refresh ?? 0);

async function refresh() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = fresh.title;
    document.querySelector("main").replaceWith(fresh.querySelector("main"));
  } catch {
    // The server is away for a moment: the next turn tries again.
  }
  schedule();
}

function schedule() {
  if (seconds() > 0) setTimeout(refresh, seconds() * 1000);
}

schedule();
