/** The names of a chart's lines, in their colours. */

import type { Chart } from "./data";
import { colourOf, type Look } from "./look";
import { element } from "./tooltip";

export function lines(place: HTMLElement, chart: Chart, colours: Look): void {
  place.hidden = chart.lines.length < 2;
  place.replaceChildren(
    ...chart.lines.map((line, n) => {
      const made = element("li", "");
      const mark = element("i", "mark");
      mark.style.background = colourOf(n, line.other, colours);
      made.append(mark, line.name);
      return made;
    }),
  );
}
