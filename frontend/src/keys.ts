/** H D W M Q Y change the grain; Escape closes what is open. */

export function keys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return close();
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if ((event.target as Element).closest("input:not([type=radio]), textarea, select")) return;
    const key = event.key.toUpperCase();
    if (/^[A-Z]$/.test(key)) document.querySelector<HTMLElement>(`[data-key="${key}"]`)?.click();
  });
  document.addEventListener("click", (event) => {
    const open = document.querySelector<HTMLDetailsElement>("[data-custom][open]");
    if (open && !open.contains(event.target as Node)) open.open = false;
    const fold = (event.target as Element).closest("[data-fold]");
    if (!fold) return;
    const folded = fold.parentElement!.classList.toggle("unfolded");
    fold.setAttribute("aria-expanded", String(folded));
  });
}

function close(): void {
  const open = document.querySelector<HTMLDetailsElement>("[data-custom][open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary")?.focus();
}
