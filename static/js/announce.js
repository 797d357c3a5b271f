// Says a text that changes all the time to screen readers, but only now and then.

const EVERY_MS = 10_000;

// A function that says a text in the status line `place`; what is `urgent` at once, all else every ten seconds at most.
export function announcer(place) {
  let due = 0;
  return (text, urgent = false) => {
    if (!urgent && performance.now() < due) return;
    due = performance.now() + EVERY_MS;
    place.textContent = text;
  };
}
