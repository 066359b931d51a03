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

/** For an axis: 1,234 below ten thousand, then 12.4 k, 3.1 M; whole ones without a fraction. */
export function compact(value: number): string {
  if (Math.abs(value) < 10_000) return exact(value);
  const [step, sign] = STEPS.find(([size]) => Math.abs(value) < size * 1000) ?? [1e12, "T"];
  return `${exact(Math.round((value / step) * 10) / 10)} ${sign}`;
}
