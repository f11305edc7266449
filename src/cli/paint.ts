import type { Environment } from "../config/environment.ts";

/** Colours that say how something is. */
export type Colour = "green" | "yellow" | "red" | "grey" | "bold";

/** Puts text into a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

/** ECMA-48, "select graphic rendition". */
const CODES: Readonly<Record<Colour, number>> = {
  green: 32,
  yellow: 33,
  red: 31,
  grey: 90,
  bold: 1,
};

/** Colours for a terminal, unless `NO_COLOR` is set (no-color.org); none for a pipe. */
export function paintFor(isTty: boolean, env: Environment): Paint {
  if (!isTty || (env["NO_COLOR"] ?? "") !== "") {
    return (_colour, text) => text;
  }
  return (colour, text) => `\u001b[${CODES[colour]}m${text}\u001b[0m`;
}
