/** Lines: solid where complete, dashed where it may still change, a gap where it is missing. */

import { drawn } from "../beside";
import type { Chart, Line, Value } from "../data";
import { DASHES, PALE } from "./overlaid";

export function curves(chart: Chart, colour: (n: number) => string): object[] {
  return [...beside(chart, colour), ...own(chart, colour)];
}

/** The same hue, lighter, thinner and dashed, under the lines. */
function beside(chart: Chart, colour: (n: number) => string): object[] {
  return drawn(chart).flatMap((overlay, place) =>
    chart.lines.map((line, n) => ({
      type: "line",
      color: colour(n),
      symbol: "circle",
      emphasis: { disabled: true },
      z: 1,
      lineStyle: { width: 1.25, type: DASHES[place % DASHES.length], opacity: PALE },
      itemStyle: { opacity: PALE },
      data: dots(line.overlays[overlay.name]?.values ?? [], []),
    })),
  );
}

function own(chart: Chart, colour: (n: number) => string): object[] {
  return chart.lines.flatMap((line, n) => {
    const { solid, dashed } = split(line);
    const base = {
      type: "line",
      name: line.name,
      color: colour(n),
      showSymbol: true,
      symbol: "circle",
      emphasis: { disabled: true },
      z: 10 - n,
    };
    return [
      { ...base, data: dots(dashed, solid), lineStyle: { width: 1.75, type: [4, 4] } },
      { ...base, data: dots(solid, dashed), lineStyle: { width: 1.75, type: "solid" } },
    ];
  });
}

/** A stretch between two buckets is solid only if both are complete. */
function split(line: Line): { solid: Value[]; dashed: Value[] } {
  const open = (n: number) =>
    n >= 0 && n < line.values.length && line.values[n] != null && line.states[n] !== "c";
  return {
    solid: line.values.map((value, n) => (line.states[n] === "c" ? value : null)),
    dashed: line.values.map((value, n) =>
      open(n) || open(n - 1) || open(n + 1) ? value : null,
    ),
  };
}

/** A value without a neighbour would not be seen: it alone has a dot. */
function dots(values: Value[], others: Value[]): object[] {
  const there = (n: number) => values[n] != null || others[n] != null;
  return values.map((value, n) => ({
    value: value ?? "-",
    symbolSize: value != null && !there(n - 1) && !there(n + 1) ? 5 : 0,
  }));
}
