/** What stands beside the pointer: the period, each line's value, how final it is, and why not. */

import { type Axis, type Chart, word } from "./data";
import { colourOf, type Look } from "./look";
import { exact } from "./numbers";

export function tooltip(chart: Chart, axis: Axis, colours: Look, n: number): HTMLElement {
  const box = element("div", "tip");
  box.append(element("p", "tip-title", axis.titles[n]));
  chart.lines.forEach((line, place) => {
    const row = element("p", "tip-line");
    const mark = element("i", "mark");
    mark.style.background = colourOf(place, line.other, colours);
    const value = `${exact(line.values[n])} ${chart.unit}`;
    row.append(mark, element("span", "tip-name", line.name), element("strong", "", value));
    box.append(row);
  });
  const state = chart.strip[n];
  const told = element("p", "tip-state");
  told.append(element("i", `key ${state}`), word(state));
  box.append(told);
  for (const cause of chart.causes[n] ?? []) box.append(element("p", "tip-cause", cause));
  return box;
}

export function element(tag: string, name: string, text = ""): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}
