/** Bars: full where complete, hatched where it may still change, an empty outline where missing. */

import type { Chart } from "../data";
import type { Look } from "../look";
import { beside } from "./overlaid";

interface Api {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
  size(span: [number, number]): [number, number];
}
interface Params {
  coordSys: { y: number; height: number };
}

export function bars(chart: Chart, colour: (n: number) => string, colours: Look): object[] {
  const alone = chart.overlays.length === 0;
  const drawn = chart.lines.map((line, n) => ({
    type: "bar",
    name: line.name,
    color: colour(n),
    stack: "all",
    barCategoryGap: alone ? "25%" : "45%",
    barMaxWidth: alone ? 48 : 36,
    z: 2,
    emphasis: { disabled: true },
    data: line.values.map((value, at) => ({
      value: value ?? "-",
      itemStyle: line.states[at] === "c" ? {} : hatched(colour(n), colours),
    })),
  }));
  const ink = chart.lines.length > 1 ? colours.muted : colour(0);
  return [...beside(chart, ink), ...drawn, outlines(chart, colours)];
}

function hatched(colour: string, colours: Look): object {
  const decal = { color: colour, dashArrayX: [1, 0], dashArrayY: [2, 3], rotation: -Math.PI / 4 };
  return { color: colours.surface, borderColor: colour, borderWidth: 1, decal };
}

/** As high as the plot, so that nobody takes it for a value. */
function outlines(chart: Chart, colours: Look): object {
  const missing = [...chart.strip].flatMap((state, n) =>
    state !== "w" && chart.lines.every((line) => line.values[n] == null) ? [n] : [],
  );
  return {
    type: "custom",
    silent: true,
    z: 1,
    data: missing.map((n) => [n, 0]),
    renderItem: (params: Params, api: Api) => {
      const width = Math.min(api.size([1, 0])[0] * 0.75, 48);
      const [x] = api.coord([api.value(0), 0]);
      const { y, height } = params.coordSys;
      return {
        type: "rect",
        shape: { x: x - width / 2, y: y + 1, width, height: height - 1 },
        style: { fill: "transparent", stroke: colours.muted, lineWidth: 1, lineDash: [2, 3] },
      };
    },
  };
}
