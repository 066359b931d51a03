/** Following a board's own links without losing the page: the address is still the state. */

export function navigate(mounted: () => void): void {
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>("a[data-board-link]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    void show(link.href, mounted, true);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.matches("[data-board-form]")) return;
    event.preventDefault();
    const query = new URLSearchParams(new FormData(form) as unknown as Record<string, string>);
    void show(`${location.pathname}?${query}`, mounted, true);
  });
  addEventListener("popstate", () => void show(location.href, mounted, false));
}

let latest = 0;

/** Puts the page at this address in the place of the board; where that fails, goes there plainly. */
export async function show(href: string, mounted: () => void, push: boolean): Promise<void> {
  const mine = ++latest;
  const board = document.querySelector("#board");
  try {
    const answer = await fetch(href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("#board");
    if (mine !== latest) return;
    if (!board || !next) return location.assign(href);
    if (push) history.pushState(null, "", href);
    const focused = document.activeElement?.id;
    const folded = board.querySelector(".controls")?.className;
    next.querySelector(".controls")!.className = folded ?? "controls";
    board.replaceWith(next);
    document.title = page.title;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    mounted();
  } catch {
    location.assign(href);
  }
}
