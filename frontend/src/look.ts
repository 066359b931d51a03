/** The colours of the theme at hand, for what is not drawn by CSS. */

export interface Look {
  lines: string[];
  other: string;
  ink: string;
  muted: string;
  grid: string;
  surface: string;
  font: string;
}

export function look(): Look {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    lines: [1, 2, 3, 4, 5, 6, 7, 8].map((n) => colour(`--line-${n}`)),
    other: colour("--line-other"),
    ink: colour("--ink"),
    muted: colour("--muted"),
    grid: colour("--hairline"),
    surface: colour("--surface"),
    font: getComputedStyle(document.body).fontFamily,
  };
}

export function colourOf(n: number, other: boolean, colours: Look): string {
  return other ? colours.other : (colours.lines[n % 8] ?? colours.ink);
}
