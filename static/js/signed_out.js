// Whoever is signed out is led to the page that signs in, and a fetch takes that page for its answer.

export const isSignedOut = (answer) => answer.redirected && new URL(answer.url).pathname === "/sign-in";

// What to say then, with `after` as its end: the way back in opens beside this page, which keeps what was typed.
export function wayBackIn(answer, after) {
  const link = document.createElement("a");
  link.href = answer.url;
  link.target = "_blank";
  link.textContent = "sign in again";
  return ["You are signed out: ", link, ` (in a new tab), ${after}`];
}
