// This page as the server has it by now, and its content put in place of what is shown.

export async function fetchPage() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  // What was deleted has a page, too: the one that says so.
  if (!answer.ok && answer.status !== 404) throw new Error(answer.statusText);
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
