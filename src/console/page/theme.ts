import { byId, setText } from "./dom.ts";

const THEMES = ["auto", "light", "dark"] as const;

type Theme = (typeof THEMES)[number];

/** Where the choice is kept; it says nothing about anybody. */
const KEY = "wavelog-worker-theme";

const NAMES: Readonly<Record<Theme, string>> = { auto: "Auto", light: "Light", dark: "Dark" };

/** Lets people choose between light and dark; `auto` is what their system says. */
export function startTheme(onChange: () => void): void {
  const button = byId("theme", HTMLButtonElement);
  const name = byId("theme-name", HTMLElement);
  let theme = THEMES.find((one) => one === read()) ?? "auto";
  const apply = (): void => {
    document.documentElement.setAttribute("data-theme", theme);
    setText(name, NAMES[theme]);
    button.setAttribute("aria-label", `Colours: ${NAMES[theme].toLowerCase()}`);
    onChange();
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
    write(theme);
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  apply();
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // Some browsers keep nothing for strangers.
    return null;
  }
}

function write(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds until the page is closed, then.
  }
}
