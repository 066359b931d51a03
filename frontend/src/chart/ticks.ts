/** Which buckets the x axis names: as many as fit, counted back from the newest. */

import type { Axis } from "../data";

const CHARACTER_PX = 6.2;
const GAP_PX = 18;

export function ticks(axis: Axis, width: number, right: number): object {
  const names = named(axis);
  const widest = Math.max(1, ...names.map(([, name]) => name.length)) * CHARACTER_PX;
  const fit = Math.max(1, Math.floor(width / (widest + GAP_PX)));
  // Buckets of hours are named by their day, and so are further apart than their number says.
  const every = Math.max(1, Math.ceil(names.length / fit));
  const shown = new Map(names.filter((_, n) => (names.length - 1 - n) % every === 0));
  const newest = (names.at(-1)?.[1].length ?? 0) * CHARACTER_PX;
  const band = width / Math.max(1, axis.labels.length);
  return {
    interval: (n: number) => shown.has(n),
    formatter: (_: string, n: number) => shown.get(n) ?? "",
    // In a narrow band the newest name would reach beyond the picture.
    showMaxLabel: true,
    ...(newest / 2 > band / 2 + right ? { alignMaxLabel: "right" } : {}),
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
