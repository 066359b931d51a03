/** The coverage strip: one cell a period; stretches that are not complete can be focused. */

import { type Axis, type Chart, word } from "./data";
import { element } from "./elements";

interface Run {
  first: number;
  last: number;
  state: string;
  causes: string[];
}

export function strip(place: HTMLElement, chart: Chart, axis: Axis): void {
  place.replaceChildren(...runs(chart).map((run) => stretch(run, axis, chart.strip.length)));
}

/** Neighbours of one state and cause are one stretch. */
function runs(chart: Chart): Run[] {
  const found: Run[] = [];
  [...chart.strip].forEach((state, n) => {
    const causes = chart.causes[n] ?? [];
    const before = found.at(-1);
    if (before?.state === state && before.causes.join() === causes.join()) before.last = n;
    else found.push({ first: n, last: n, state, causes });
  });
  return found;
}

function stretch(run: Run, axis: Axis, of: number): HTMLElement {
  const made = element("span", `run ${run.state}`);
  const n = run.last - run.first + 1;
  made.style.flexGrow = String(n);
  made.style.setProperty("--cells", String(n));
  // Thinner than this, the gaps between cells would be all that is left.
  if (of <= 120) made.classList.add("celled");
  if (run.state === "c") return made;
  made.tabIndex = 0;
  made.setAttribute("role", "img");
  const where = n === 1 ? axis.titles[run.first] : `${axis.titles[run.first]} to ${axis.titles[run.last]}`;
  const said = [`${where}: ${word(run.state)}`, ...run.causes].join("; ");
  made.setAttribute("aria-label", said);
  made.dataset.tip = said;
  if ((run.first + run.last) / 2 > of / 2) made.classList.add("tip-left");
  return made;
}
