/** What stands beside the pointer: the period, each line's value, how final it is, and why not;
 * and for each overlay the same of the earlier period, with the difference. */

import { change, changePerDay, drawn, notes, other, own } from "./beside";
import { type Axis, type Chart, type Line, type Overlay, word } from "./data";
import { dashes, element, mark } from "./elements";
import { colourOf, type Look } from "./look";
import { exact } from "./numbers";

/** From here on own and earlier value stand in one row: two blocks would be higher than a screen. */
const MANY = 5;

export function tooltip(chart: Chart, axis: Axis, colours: Look, n: number): HTMLElement {
  const box = element("div", "tip");
  box.append(element("p", "tip-title", axis.titles[n]));
  const overlays = drawn(chart);
  const many = overlays.length > 0 && chart.lines.length >= MANY;
  chart.lines.forEach((line, place) => {
    const colour = colourOf(place, line.other, colours);
    if (!many) box.append(row(mark(colour), line.name, `${exact(line.values[n])} ${chart.unit}`));
  });
  const state = chart.strip[n];
  const told = element("p", "tip-state");
  told.append(element("i", `key ${state}`), word(state));
  box.append(told);
  for (const cause of chart.causes[n] ?? []) box.append(element("p", "tip-cause", cause));
  overlays.forEach((overlay, place) => {
    box.append(head(overlay, n));
    if (overlay.titles[n] || many) box.append(...pairs(chart, overlay, place, colours, n, many));
    for (const note of notes(overlay, n)) box.append(element("p", "tip-cause", note));
  });
  return box;
}

function head(overlay: Overlay, n: number): HTMLElement {
  const made = element("p", "tip-title tip-other", overlay.titles[n] || "No partner");
  made.append(element("span", "tip-overlay", overlay.title));
  return made;
}

function pairs(
  chart: Chart,
  overlay: Overlay,
  place: number,
  colours: Look,
  n: number,
  many: boolean,
): HTMLElement[] {
  return chart.lines.flatMap((line, at) => {
    const dashed = dashes(place, colourOf(at, line.other, colours));
    const value = exact(other(line, overlay, n));
    if (chart.lines.length === 1) {
      return [row(dashed, "", `${value} ${chart.unit}`), ...changes(chart, line, overlay, n)];
    }
    const made = row(dashed, line.name, many ? exact(own(line, overlay, n)) : value);
    if (many) made.append(element("span", "tip-value", value));
    made.append(element("span", "tip-change", change(line, overlay, n)));
    return [made];
  });
}

/** The difference, of a running bucket after the part that it is of; and by the day. */
function changes(chart: Chart, line: Line, overlay: Overlay, n: number): HTMLElement[] {
  const mine = own(line, overlay, n);
  const part = mine === line.values[n] ? "" : `${exact(mine)} until then`;
  const told = [change(line, overlay, n), changePerDay(chart, line, overlay, n)].filter(Boolean);
  return told.map((text, at) => row("", at === 0 ? part : "", text));
}

function row(mark: HTMLElement | string, name: string, value: string): HTMLElement {
  const made = element("p", "tip-line");
  made.append(mark, element("span", "tip-name", name), element("strong", "", value));
  return made;
}
