/** Small parts of which more than one place is made. */

export function element(tag: string, name: string, text = ""): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

export function mark(colour: string): HTMLElement {
  const made = element("i", "mark");
  made.style.background = colour;
  return made;
}

/** The mark of an overlay, dashed as the one in this place is drawn. */
export function dashes(place: number, colour: string): HTMLElement {
  const made = element("i", `mark dashes dashes-${place % 3}`);
  made.style.color = colour;
  return made;
}
