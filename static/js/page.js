// This page as the server has it by now, and its content put in place of what is shown.

// With these the server has no page for now. What was deleted has one, and so has a job that failed: it says so.
const AWAY = new Set([429, 502, 503, 504]);

// Throws where there is no page for now; the error's `wait` is how many milliseconds the server asks for.
export async function fetchPage() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (AWAY.has(answer.status)) {
    const wait = 1000 * Number(answer.headers.get("Retry-After")) || 0;
    throw Object.assign(new Error(answer.statusText), { wait });
  }
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// `id` names a part of it that changes by itself; what else is on the page may be half filled in.
export function showPage(fresh, id = "main") {
  const focused = document.activeElement?.id;
  const part = fresh.getElementById(id) ? id : "main";
  document.title = fresh.title;
  document.getElementById(part).replaceWith(fresh.getElementById(part));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}
