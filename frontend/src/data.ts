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

export interface Line {
  name: string;
  values: (number | null)[];
  states: States;
  other: boolean;
}

export interface Chart {
  id: string;
  kind: "line" | "bar";
  unit: string;
  axis: string;
  from_zero: boolean;
  lines: Line[];
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
