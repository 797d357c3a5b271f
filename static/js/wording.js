// Numbers as people read them, in the words of the pages.

const short = (value) => new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(value);

export const percent = (share) => `${Math.floor(share * 100)}%`;

// Bytes, in the unit that suits them.
export function size(count) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  while (count >= 1024 && units.length > 1) {
    count /= 1024;
    units.shift();
  }
  return `${short(count)}\u00a0${units[0]}`;
}

// A time, in the unit that suits it; a dash for one that is not known.
export function time(seconds) {
  if (seconds == null) return "–";
  const [length, unit] = seconds >= 3600 ? [3600, "h"] : seconds >= 60 ? [60, "min"] : [1, "s"];
  return `${short(seconds / length)}\u00a0${unit}`;
}
