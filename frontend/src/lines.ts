/** The names of a chart's lines, in their colours, and of what is laid beside them. */

import { drawn } from "./beside";
import type { Chart, Overlay } from "./data";
import { dashes, element, mark } from "./elements";
import { colourOf, type Look } from "./look";

export function lines(place: HTMLElement, chart: Chart, colours: Look): void {
  const several = chart.lines.length > 1;
  place.hidden = !several && chart.overlays.length === 0;
  const names = chart.lines.map((line, n) =>
    named(mark(colourOf(n, line.other, colours)), line.name || chart.unit),
  );
  const shown = drawn(chart);
  const overlays = chart.overlays.map((overlay) => {
    const colour = several ? colours.muted : colourOf(0, false, colours);
    const place = shown.indexOf(overlay);
    return place < 0
      ? named("", `${said(overlay)} (in the table)`)
      : named(dashes(place, colour), said(overlay));
  });
  place.replaceChildren(...(several || overlays.length ? names : []), ...overlays);
}

/** Names that do not fit are scrolled to, by keyboard too. */
export function reachable(place: HTMLElement): void {
  if (place.scrollHeight > place.clientHeight) place.tabIndex = 0;
  else place.removeAttribute("tabindex");
}

/** Where the days differ, that too: "a month before: 31 days against 28". */
function said(overlay: Overlay): string {
  return overlay.said ? `${overlay.title}: ${overlay.said}` : overlay.title;
}

function named(mark: HTMLElement | string, name: string): HTMLElement {
  const made = element("li", "");
  made.append(mark, name);
  return made;
}
