// Follows a job by server-sent events. Whatever breaks the line, the stream goes on behind the last event seen.

const RETRY_MS = 5000;

// `handlers` has a function for each type of message that is of interest; besides `end` for when the job has ended,
// `line` with whether there is a connection, and `over`, which says whether the job has ended where the browser was
// refused, or throws where that cannot be told yet (see page.js). Answers what ends it.
export function follow(url, after, handlers) {
  const over = new AbortController();
  let seen = Number(after);
  let source;

  function connect() {
    source = new EventSource(`${url}?after=${seen}`);
    source.onopen = () => handlers.line?.(true);
    source.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.seq && message.seq <= seen) return;
      seen = message.seq ?? seen;
      handlers[message.type]?.(message);
    };
    source.addEventListener("end", () => {
      close();
      handlers.end?.();
    });
    source.onerror = () => {
      handlers.line?.(false);
      // The browser gives up when it is refused or told that nothing comes any more: look which it is, later.
      if (source.readyState === EventSource.CLOSED) setTimeout(lookAgain, RETRY_MS);
    };
  }

  async function lookAgain() {
    if (over.signal.aborted) return;
    try {
      if (await handlers.over?.()) handlers.end?.();
      else connect();
    } catch (error) {
      setTimeout(lookAgain, Math.max(error.wait ?? 0, RETRY_MS));
    }
  }

  function close() {
    over.abort();
    source.close();
  }

  addEventListener("pagehide", () => source.close(), over);
  addEventListener("pageshow", (event) => event.persisted && connect(), over);
  connect();
  return close;
}
