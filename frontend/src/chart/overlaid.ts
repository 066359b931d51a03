/** What is laid beside bars: a wide pale bar behind the first, dashed outlines for the others. */

import { drawn, other } from "../beside";
import type { Chart, Overlay } from "../data";

/** One pattern an overlay; css/chart.css draws the same three in the legend. */
export const DASHES = [
  [6, 4],
  [2, 3],
  [10, 3, 2, 3],
];
export const PALE = 0.7;

interface Api {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
  size(span: [number, number]): [number, number];
}

export function beside(chart: Chart, colour: string): object[] {
  return drawn(chart).map((overlay, place) => ({
    type: "custom",
    silent: true,
    z: place === 0 ? 1 : 3,
    data: sums(chart, overlay),
    renderItem: (_: unknown, api: Api) => {
      const width = Math.min(api.size([1, 0])[0] * 0.9, 60);
      const [x, y] = api.coord([api.value(0), api.value(1)]);
      const [, zero] = api.coord([api.value(0), 0]);
      return {
        type: "group",
        children: [
          pale(x, y, zero, width, place === 0 ? colour : "transparent"),
          edge(x, y, width, colour, DASHES[place % DASHES.length]!),
        ],
      };
    },
  }));
}

function pale(x: number, y: number, zero: number, width: number, fill: string): object {
  const shape = { x: x - width / 2, y: Math.min(y, zero), width, height: Math.abs(zero - y) };
  return { type: "rect", shape, style: { fill, opacity: 0.18 } };
}

function edge(x: number, y: number, width: number, stroke: string, lineDash: number[]): object {
  const shape = { x1: x - width / 2, x2: x + width / 2, y1: y, y2: y };
  return { type: "line", shape, style: { stroke, lineDash, lineWidth: 1.5 } };
}

/** Bars stand on each other: beside their sum stands the sum, if all of it is known. */
function sums(chart: Chart, overlay: Overlay): [number, number][] {
  return overlay.titles.flatMap((_, n): [number, number][] => {
    const parts = chart.lines.map((line) => other(line, overlay, n));
    const known = parts.filter((part) => part != null);
    if (known.length === 0 || known.length < parts.length) return [];
    return [[n, known.reduce((sum, part) => sum + part, 0)]];
  });
}
