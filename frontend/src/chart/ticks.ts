/** Which buckets the x axis names: as many as fit, counted back from the newest. */

import type { Axis } from "../data";

const CHARACTER_PX = 6.2;
const GAP_PX = 14;

export function ticks(axis: Axis, width: number, right: number): object {
  const names = named(axis);
  const widest = Math.max(1, ...names.map(([, name]) => name.length)) * CHARACTER_PX;
  const fit = Math.max(1, Math.floor(width / (widest + GAP_PX)));
  // Buckets of hours are named by their day, and so are further apart than their number says.
  const every = Math.max(1, Math.ceil(names.length / fit));
  const band = width / Math.max(1, axis.labels.length);
  // In narrow bands the newest name would reach beyond the picture: begin where one fits.
  const inside = names.filter(([n]) => (n + 0.5) * band + widest / 2 <= width + right);
  const shown = new Map(inside.filter((_, n) => (inside.length - 1 - n) % every === 0));
  return {
    interval: (n: number) => shown.has(n),
    formatter: (_: string, n: number) => shown.get(n) ?? "",
  };
}

/** Of many hours only midnights, by their day; of few each hour, and midnight by its day. */
function named(axis: Axis): [number, string][] {
  const all = axis.labels.map((label, n): [number, string] => [n, label]);
  if (axis.grain !== "hour") return all;
  const starts = new Set(axis.day_starts);
  const day = (n: number) => (axis.titles[n] ?? "").replace(/ \d{4},.*$/, "");
  if (all.length > 48) return axis.day_starts.map((n) => [n, day(n)]);
  return all.map(([n, label]) => [n, starts.has(n) ? day(n) : label]);
}
