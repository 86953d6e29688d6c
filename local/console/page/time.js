// Times as people read them.

const NEAR = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];

// Return how far a time is from now, such as "3 days ago".
export function ago(seconds) {
  const away = seconds - Date.now() / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(away) >= size) ?? ["second", 1];
  return unit === "second" ? "just now" : NEAR.format(Math.trunc(away / size), unit);
}

export function full(seconds) {
  return new Date(seconds * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

export const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);

export const number = (value) => new Intl.NumberFormat("en").format(value);

// Return an amount of money; a dash if no price is known.
export function usd(value) {
  if (value === null || value === undefined) return "–";
  return new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: value < 1 ? 4 : 2 }).format(value);
}
