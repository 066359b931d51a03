/** The same numbers as a table, in the chart's place; made when it is first asked for. */

import { change, changePerDay, notes, other } from "./beside";
import { type Axis, type Chart, type Line, word } from "./data";
import { exact, NONE } from "./numbers";
import { element } from "./elements";

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
  for (const [name, kind] of columns(chart)) {
    const cell = element("th", kind, name);
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

/** Names and kinds; for each overlay its period, and of each line its value and the change. */
function columns(chart: Chart): [string, string][] {
  const value = (line: Line): [string, string] => [line.name || chart.unit, "value"];
  return [
    ["Period", ""],
    ...chart.lines.map(value),
    ...chart.overlays.flatMap((overlay): [string, string][] => [
      [sentence(overlay.title), "beside"],
      ...chart.lines.flatMap((line): [string, string][] => [value(line), ["change", "value"]]),
    ]),
    ["State", "state"],
  ];
}

function row(chart: Chart, axis: Axis, n: number): HTMLElement {
  const made = element("tr", "");
  const title = element("th", "", axis.titles[n]);
  title.setAttribute("scope", "row");
  made.append(title, ...chart.lines.map((line) => element("td", "value", exact(line.values[n]))));
  for (const overlay of chart.overlays) {
    made.append(element("td", "beside", [overlay.titles[n], ...notes(overlay, n)].filter(Boolean).join("; ")));
    for (const line of chart.lines) {
      const changes = [change(line, overlay, n), changePerDay(chart, line, overlay, n)];
      made.append(element("td", "value", exact(other(line, overlay, n))));
      made.append(element("td", "value", changes.filter(Boolean).join("; ") || NONE));
    }
  }
  const said = [word(chart.strip[n]), ...(chart.causes[n] ?? [])].join("; ");
  made.append(element("td", "state", said));
  return made;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
