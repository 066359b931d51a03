/** A bucket beside its partner: the difference, by the day where the days differ, and the notes. */

import type { Chart, Line, Overlay, Value } from "./data";
import { difference } from "./numbers";

/** More lines laid beside others than this, and nobody can tell them apart. */
const MOST = 9;

/** The overlays that are drawn; the table has all of them. */
export function drawn(chart: Chart): Overlay[] {
  const fit = Math.max(1, Math.floor(MOST / Math.max(1, chart.lines.length)));
  // Bars show the sum of their lines, so each overlay is one mark.
  return chart.kind === "bar" ? chart.overlays : chart.overlays.slice(0, fit);
}

/** Our own value as far as it is compared: of a running bucket only the elapsed part. */
export function own(line: Line, overlay: Overlay, n: number): Value | undefined {
  const elapsed = line.overlays[overlay.name]?.of ?? {};
  return n in elapsed ? elapsed[n] : line.values[n];
}

export function other(line: Line, overlay: Overlay, n: number): Value | undefined {
  return line.overlays[overlay.name]?.values[n];
}

/** +120 (+3.4 %); empty where one of the two is not known. */
export function change(line: Line, overlay: Overlay, n: number): string {
  const [mine, theirs] = [own(line, overlay, n), other(line, overlay, n)];
  return mine == null || theirs == null ? "" : difference(mine, theirs);
}

/** The same by the day; empty where the days do not differ, or a day of it means nothing. */
export function changePerDay(chart: Chart, line: Line, overlay: Overlay, n: number): string {
  const days = overlay.days[n];
  const [mine, theirs] = [own(line, overlay, n), other(line, overlay, n)];
  if (!chart.per_day || !days || mine == null || theirs == null) return "";
  return `${difference(mine / days[0], theirs / days[1], 1)} a day`;
}

/** "28 days against 31", and all else that must be said of a pair. */
export function notes(overlay: Overlay, n: number): string[] {
  const days = overlay.days[n];
  const told = days ? [`${days[0]} ${days[0] === 1 ? "day" : "days"} against ${days[1]}`] : [];
  return [...told, ...(overlay.notes[n] ?? [])];
}
