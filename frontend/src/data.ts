/** What a board's charts are drawn from, as `/boards/<name>/data` answers it. */

export interface Axis {
  grain: string;
  keys: string[];
  /** What stands on the axis. */
  labels: string[];
  /** The same with all that the axis leaves out. */
  titles: string[];
  /** Of hours: where another day begins. */
  day_starts: number[];
}

/** One letter a bucket: c complete, v provisional, p partial, m missing, f failed, w waiting. */
export type States = string;

export type Value = number | null;

/** The values laid beside a line's; `of`: the elapsed part of its own, where that is compared. */
export interface Beside {
  values: Value[];
  of: Record<string, Value>;
}

export interface Line {
  name: string;
  values: Value[];
  states: States;
  other: boolean;
  overlays: Record<string, Beside>;
}

/** What all lines share of an overlay. */
export interface Overlay {
  name: string;
  title: string;
  /** Of the range as a whole, where the days differ: "28 days against 31". */
  said: string;
  /** The partners' titles; empty: there is none, and the note says why. */
  titles: string[];
  notes: Record<string, string[]>;
  /** Where they differ: our days, and the partner's. */
  days: Record<string, [number, number]>;
}

export interface Chart {
  id: string;
  kind: "line" | "bar";
  unit: string;
  axis: string;
  from_zero: boolean;
  /** Whether a value by the day means something. */
  per_day: boolean;
  lines: Line[];
  overlays: Overlay[];
  strip: States;
  causes: Record<string, string[]>;
  error: null;
}

export interface Failed {
  id: string;
  error: string;
}

export interface Board {
  axes: Record<string, Axis>;
  cards: (Chart | Failed)[];
}

const WORDS: Record<string, string> = {
  c: "complete",
  v: "may still change",
  p: "partial",
  m: "missing",
  f: "failed",
  w: "waiting",
};

export function word(state: string | undefined): string {
  return WORDS[state ?? "m"] ?? "missing";
}

export async function load(board: string, query: string, signal: AbortSignal): Promise<Board> {
  const answer = await fetch(`${board}/data${query}`, { signal });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return (await answer.json()) as Board;
}
