/** A board's charts: data once for all cards, drawn again when the theme or the size changes. */

import { draw, type Drawn } from "./chart/draw";
import { type Board, type Chart, load } from "./data";
import { element } from "./elements";
import { lines, reachable } from "./lines";
import { look } from "./look";
import { strip } from "./strip";
import { table } from "./table";

let stop = () => {};

export function mount(): void {
  stop();
  const board = document.querySelector<HTMLElement>("[data-board]");
  const cards = [...document.querySelectorAll<HTMLElement>("[data-chart]")];
  if (!board || cards.length === 0) return;
  const ended = new AbortController();
  stop = () => ended.abort();
  load(board.dataset.board ?? "", location.search, ended.signal).then(
    (data) => cards.forEach((card) => fill(card, data, ended.signal)),
    (error: unknown) => {
      if (!ended.signal.aborted) cards.forEach((card) => fail(card, String(error)));
    },
  );
}

function fill(card: HTMLElement, data: Board, ended: AbortSignal): void {
  const found = data.cards.find(({ id }) => id === card.id);
  if (!found || found.error !== null) return fail(card, found?.error ?? "it is not on the board");
  const axis = data.axes[found.axis];
  if (!axis) return fail(card, "it has no axis");
  strip(part(card, "strip"), found, axis);
  table(card, found, axis);
  keepDrawn(card, found, data, ended);
}

function keepDrawn(card: HTMLElement, chart: Chart, data: Board, ended: AbortSignal): void {
  const canvas = part(card, "canvas");
  const axis = data.axes[chart.axis]!;
  let drawn: Drawn | null = null;
  const again = () => {
    drawn?.dispose();
    canvas.replaceChildren();
    lines(part(card, "lines"), chart, look());
    drawn = draw(canvas, chart, axis, look());
  };
  again();
  const size = new ResizeObserver(() => {
    drawn?.resize();
    reachable(part(card, "lines"));
  });
  size.observe(canvas);
  document.addEventListener("themechange", again, { signal: ended });
  ended.addEventListener("abort", () => {
    size.disconnect();
    drawn?.dispose();
  });
}

function fail(card: HTMLElement, why: string): void {
  const said = element("p", "tile-empty", `The chart could not be drawn: ${why}.`);
  card.querySelector("[data-body]")?.replaceChildren(said);
}

function part(card: HTMLElement, name: string): HTMLElement {
  return card.querySelector<HTMLElement>(`[data-${name}]`)!;
}
