// Follows a job by server-sent events. Whatever breaks the line, the stream goes on behind the last event seen.

const RETRY_MS = 5000;
// What was deleted, or has failed, has a page that says so; with these the server has none for now.
const AWAY = new Set([429, 502, 503, 504]);

// `place` is the element whose `data-stream` is the job's stream and `data-after` the last event that the page shows.
// `tell` has a function for each type of message, and may have `page` for the page as it is after a break; `say` shows
// a word on the connection; `ended` is called with the page as it is when the job is over.
export function follow(place, { tell, say, ended }) {
  let seen = Number(place.dataset.after);
  let source;

  function connect() {
    source = new EventSource(`${place.dataset.stream}?after=${seen}`);
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

  async function page() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (AWAY.has(answer.status)) throw new Error(answer.statusText);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  async function finish() {
    source.close();
    try {
      ended(await page());
    } catch {
      setTimeout(finish, RETRY_MS);
    }
  }

  async function lookAgain() {
    try {
      const fresh = await page();
      if (!fresh.getElementById(place.id)?.dataset.stream) return ended(fresh);
      tell.page?.(fresh);
      connect();
    } catch {
      setTimeout(lookAgain, RETRY_MS);
    }
  }

  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  connect();
}
