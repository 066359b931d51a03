/** A card's rows as one ECharts option. Nothing in it moves. */

import type { EChartsCoreOption } from "echarts/core";
import type { Axis, Chart } from "../data";
import { colourOf, type Look } from "../look";
import { compact } from "../numbers";
import { bars } from "./bars";
import { curves } from "./curves";
import { ticks } from "./ticks";

/** The plot's edges in the canvas, which reaches 12 px into the card's own edge for the last name
 * of the axis; the strip in css/strip.css stands between the same two. */
const LEFT = 52;
const RIGHT = 20;

export function option(
  chart: Chart,
  axis: Axis,
  colours: Look,
  width: number,
  told: (n: number) => HTMLElement,
): EChartsCoreOption {
  const text = { color: colours.muted, fontSize: 11, fontFamily: colours.font };
  const colour = (n: number) => colourOf(n, chart.lines[n]?.other ?? false, colours);
  return {
    animation: false,
    textStyle: { fontFamily: colours.font },
    grid: { left: LEFT, right: RIGHT, top: 10, bottom: 30 },
    xAxis: {
      type: "category",
      data: axis.labels,
      axisLine: { onZero: false, lineStyle: { color: colours.grid } },
      axisTick: { show: false },
      axisLabel: {
        ...text,
        ...ticks(axis, width - LEFT - RIGHT, RIGHT),
        margin: 12,
      },
    },
    yAxis: {
      type: "value",
      scale: chart.kind === "line" && !chart.from_zero,
      splitNumber: 4,
      minInterval: 1,
      axisLabel: { ...text, formatter: compact },
      splitLine: { lineStyle: { color: colours.grid } },
    },
    tooltip: {
      trigger: "axis",
      confine: true,
      transitionDuration: 0,
      backgroundColor: colours.surface,
      borderColor: colours.grid,
      padding: 10,
      textStyle: { color: colours.ink, fontSize: 12, fontFamily: colours.font },
      axisPointer: {
        type: chart.kind === "bar" ? "shadow" : "line",
        lineStyle: { color: colours.muted, type: "solid", width: 1 },
        shadowStyle: { color: colours.muted, opacity: 0.12 },
      },
      formatter: (found: unknown) => told((found as { dataIndex: number }[])[0]?.dataIndex ?? 0),
    },
    series: chart.kind === "bar" ? bars(chart, colour, colours) : curves(chart, colour),
  };
}
