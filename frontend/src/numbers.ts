/** How a number is written; the same rules as boards/numbers.py. */

const EXACT = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });
const STEPS: [number, string][] = [
  [1e3, "k"],
  [1e6, "M"],
  [1e9, "G"],
  [1e12, "T"],
];

export const NONE = "–";

export function exact(value: number | null | undefined): string {
  return value == null ? NONE : EXACT.format(value).replace("-", "−");
}

/** How far apart two numbers are: +1,234 (+12.4 %); of zero nothing is a percentage. */
export function difference(value: number, than: number, places = 3): string {
  const text = signed(value - than, places);
  if (than === 0) return text;
  const share = ((value - than) / Math.abs(than)) * 100;
  return `${text} (${signed(share, Math.abs(share) < 99.95 ? 1 : 0)} %)`;
}

function signed(value: number, places: number): string {
  const format = { maximumFractionDigits: places };
  const text = new Intl.NumberFormat("en", { ...format, signDisplay: "exceptZero" }).format(value);
  return text.replace("-", "−");
}

/** For an axis: 1,234 below ten thousand, then 12.4 k, 3.1 M; whole ones without a fraction. */
export function compact(value: number): string {
  if (Math.abs(value) < 10_000) return exact(value);
  const [step, sign] = STEPS.find(([size]) => Math.abs(value) < size * 1000) ?? [1e12, "T"];
  return `${exact(Math.round((value / step) * 10) / 10)} ${sign}`;
}
