/** Dark or light: as the system has it, or as somebody has chosen. */
import { byId, set } from "./dom";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const STORED = "tenant-routing-theme";

/** Uses what was chosen last, and changes it with the button. */
export function startTheme(): void {
  const button = byId("theme");
  let theme = remembered();
  const use = (): void => {
    set(document.documentElement, { "data-theme": theme });
    button.textContent = `Colours: ${theme}`;
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
    remember(theme);
    use();
  });
  use();
}

function remembered(): Theme {
  try {
    return THEMES.find((each) => each === localStorage.getItem(STORED)) ?? "auto";
  } catch {
    return "auto";
  }
}

function remember(theme: Theme): void {
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    // A browser without storage forgets it with the page.
  }
}
