import type { ContenderName } from "./types.ts";

/** GitHub shows one or the other, as the reader's system asks. */
export type Scheme = "light" | "dark";

/** Both, in the order in which files are written. */
export const SCHEMES: readonly Scheme[] = ["light", "dark"];

/** The colours of a picture; they stand on the page's own ground. */
export interface Palette {
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  /** The worker's. */
  readonly accent: string;
  /** Everybody else's bars. */
  readonly quiet: string;
  /** Where the spread is drawn. */
  readonly whisker: string;
  /** Lines of a curve that are not the worker's, told apart. */
  readonly lines: readonly string[];
}

/** Those of the operator's page, whose contrast on both grounds was looked at. */
export const PALETTES: Readonly<Record<Scheme, Palette>> = {
  light: {
    text: "#17212b",
    muted: "#55626f",
    grid: "#d9dfe6",
    accent: "#1b5fc1",
    quiet: "#b8c2cd",
    whisker: "#17212b",
    lines: ["#c2410c", "#15803d", "#9333ea", "#0e7490", "#be185d", "#4b5563"],
  },
  dark: {
    text: "#e7edf3",
    muted: "#9fadba",
    grid: "#2a3540",
    accent: "#6ea8fe",
    quiet: "#4d5b69",
    whisker: "#e7edf3",
    lines: ["#ff9f5a", "#5fd68f", "#c99bff", "#56d3e8", "#ff8fc2", "#c3ccd6"],
  },
};

/** Marks of points, so that lines differ without colours too. */
export const SYMBOLS = ["circle", "rect", "triangle", "diamond", "roundRect", "pin"] as const;

/** Whose bar is in the accent colour. */
export const ACCENTED: ContenderName = "worker";

export const FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif";
/** Pictures are 500 wide and shrink to some 360 on a phone, where this is still read. */
export const FONT_SIZE = 14;
/** In SVG units; the widest that needs no tiny letters on a phone. */
export const WIDTH = 500;
