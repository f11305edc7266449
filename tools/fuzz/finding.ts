/** Something that must not be. */
export interface Finding {
  readonly target: string;
  readonly kind: "crash" | "hang";
  /** The case or cases by number, for `CASE=`; `undefined` when it cannot be told which. */
  readonly where: string | undefined;
  /** What was wrong. */
  readonly what: string;
  /** The case itself, shrunk if it could be; `undefined` when it cannot be shown. */
  readonly input: string | undefined;
}

/** How a target went. */
export interface Outcome {
  readonly target: string;
  /** Cases that were tried. */
  readonly cases: number;
  readonly seconds: number;
  /** The case that took longest. */
  readonly slowest: { readonly ms: number; readonly index: number };
  readonly findings: readonly Finding[];
}

/** Longest text of a case that is shown. */
const MAX_SHOWN_LENGTH = 2000;

/** A case's text, shortened. */
export function shown(text: string): string {
  return text.length > MAX_SHOWN_LENGTH
    ? `${text.slice(0, MAX_SHOWN_LENGTH)}… (${text.length} characters)`
    : text;
}
