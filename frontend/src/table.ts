/** The same numbers as a table, in the chart's place; made when it is first asked for. */

import { type Axis, type Chart, word } from "./data";
import { exact } from "./numbers";
import { element } from "./tooltip";

export function table(card: HTMLElement, chart: Chart, axis: Axis): void {
  const button = card.querySelector<HTMLButtonElement>("[data-table]");
  const box = card.querySelector<HTMLElement>("[data-table-box]");
  if (!button || !box) return;
  button.hidden = false;
  button.onclick = () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    if (open && !box.firstChild) box.append(made(chart, axis));
    box.hidden = !open;
    card.classList.toggle("as-table", open);
  };
}

function made(chart: Chart, axis: Axis): HTMLElement {
  const whole = element("table", "numbers");
  const head = element("tr", "");
  const names = chart.lines.map((line) => (line.name || chart.unit));
  for (const name of ["Period", ...names, "State"]) {
    const cell = element("th", "", name);
    cell.setAttribute("scope", "col");
    head.append(cell);
  }
  const body = element("tbody", "");
  // The newest first: it is what people look for.
  for (let n = axis.titles.length - 1; n >= 0; n--) body.append(row(chart, axis, n));
  const top = element("thead", "");
  top.append(head);
  whole.append(top, body);
  return whole;
}

function row(chart: Chart, axis: Axis, n: number): HTMLElement {
  const made = element("tr", "");
  const title = element("th", "", axis.titles[n]);
  title.setAttribute("scope", "row");
  made.append(title, ...chart.lines.map((line) => element("td", "value", exact(line.values[n]))));
  const said = [word(chart.strip[n]), ...(chart.causes[n] ?? [])].join("; ");
  made.append(element("td", "state", said));
  return made;
}
