// This page as the server has it by now, and its content put in place of what is shown.

export async function fetchPage() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  // What was deleted has a page, too: the one that says so.
  if (!answer.ok && answer.status !== 404) throw new Error(answer.statusText);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

export function showPage(fresh) {
  const focused = document.activeElement?.id;
  document.title = fresh.title;
  document.querySelector("main").replaceWith(fresh.querySelector("main"));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}
