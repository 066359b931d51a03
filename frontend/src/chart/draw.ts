/** The only folder that knows the chart library. */

import { BarChart, CustomChart, LineChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { Axis, Chart } from "../data";
import type { Look } from "../look";
import { tooltip } from "../tooltip";
import { option } from "./option";

use([LineChart, BarChart, CustomChart, GridComponent, TooltipComponent, CanvasRenderer]);

export interface Drawn {
  resize(): void;
  dispose(): void;
}

export function draw(element: HTMLElement, chart: Chart, axis: Axis, colours: Look): Drawn {
  const drawn = init(element, null, { renderer: "canvas" });
  const told = (n: number) => tooltip(chart, axis, colours, n);
  const show = () => drawn.setOption(option(chart, axis, colours, drawn.getWidth(), told));
  show();
  return {
    resize: () => {
      drawn.resize();
      show();
    },
    dispose: () => drawn.dispose(),
  };
}
