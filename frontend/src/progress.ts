/** A long first collection: its line above the cards, and the cards anew while it goes on. */

import { show } from "./navigate";

const EVERY_MS = 2_000;
const ANEW = 5;

interface Progress {
  text: string;
  done: number;
}

export function progress(mounted: () => void): void {
  let turn = 0;
  const look = async () => {
    const line = document.querySelector<HTMLElement>("[data-progress]:not([hidden])");
    const board = document.querySelector<HTMLElement>("[data-board]");
    if (!line || !board || document.hidden) return;
    const answer = await fetch(`${board.dataset.board}/progress`);
    if (!answer.ok) return;
    const found = (await answer.json()) as Progress | null;
    if (found) tell(line, found);
    turn += 1;
    const open = document.querySelector(".as-table, [data-custom][open]");
    if (!found || (turn % ANEW === 0 && !open)) await show(location.href, mounted, false);
  };
  setInterval(() => void look().catch(() => {}), EVERY_MS);
}

function tell(line: HTMLElement, found: Progress): void {
  line.querySelector("[data-progress-text]")!.textContent = found.text;
  line.querySelector("progress")!.value = found.done;
}
