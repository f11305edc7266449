import type { CheckId } from "./checks.ts";

/** How a check ended. Only a problem makes the doctor end with status 1. */
export type Verdict = "ok" | "warning" | "problem" | "skipped";

/** What a check has found. */
export interface Finding {
  readonly id: CheckId;
  readonly verdict: Verdict;
  /** One line: what was seen or, when skipped, why nothing was. */
  readonly text: string;
  /** What to do, as lines; some of them may be a piece of configuration. None when there is nothing. */
  readonly fix: readonly string[];
}

export function ok(id: CheckId, text: string): Finding {
  return { id, verdict: "ok", text, fix: [] };
}

export function warning(id: CheckId, text: string, ...fix: readonly string[]): Finding {
  return { id, verdict: "warning", text, fix };
}

export function problem(id: CheckId, text: string, ...fix: readonly string[]): Finding {
  return { id, verdict: "problem", text, fix };
}

export function skipped(id: CheckId, why: string): Finding {
  return { id, verdict: "skipped", text: why, fix: [] };
}
