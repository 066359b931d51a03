/** Light, dark, or as the system has it; public/theme.js sets it before the first paint. */

const KEY = "tallymark-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

export function theme(): void {
  const choice = document.querySelector<HTMLFieldSetElement>("[data-theme-choice]");
  if (!choice) return;
  choice.hidden = false;
  for (const one of choice.querySelectorAll("input")) {
    one.checked = one.value === wanted();
    one.addEventListener("change", () => {
      localStorage.setItem(KEY, one.value);
      apply();
    });
  }
  dark.addEventListener("change", apply);
  addEventListener("beforeprint", () => paint("light"));
  addEventListener("afterprint", apply);
}

function wanted(): string {
  return localStorage.getItem(KEY) ?? "system";
}

function apply(): void {
  const system = dark.matches ? "dark" : "light";
  paint(wanted() === "system" ? system : wanted());
}

function paint(name: string): void {
  if (document.documentElement.dataset.bsTheme === name) return;
  document.documentElement.dataset.bsTheme = name;
  document.dispatchEvent(new Event("themechange"));
}
