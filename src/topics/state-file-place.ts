import { existsSync, renameSync } from "node:fs";
import { COMPANIONS, StateFile, StateFileError } from "./state-file.ts";

/** What came of opening a state file. */
export interface OpenedState {
  /** The open file, or why there is none, for after its name. */
  readonly result:
    | { readonly ok: true; readonly file: StateFile }
    | { readonly ok: false; readonly problem: string };
  /** Set when a file was in the way and is now kept under another name. */
  readonly setAside?: { readonly keptAs: string; readonly problem: string };
}

/**
 * Opens the state file; one that is broken or another program's is set aside, with its companions,
 * and a new one made. Never throws.
 *
 * @param now Unix milliseconds, for the name of a file that is set aside.
 */
export function openState(path: string, now: number): OpenedState {
  const first = attempt(path);
  if (first.ok || first.fault === "unusable") {
    return { result: first };
  }
  const keptAs = `${path}.broken-${new Date(now).toISOString().replaceAll(/[-:.]/g, "")}`;
  try {
    renameSync(path, keptAs);
    for (const suffix of COMPANIONS.filter((name) => existsSync(`${path}${name}`))) {
      renameSync(`${path}${suffix}`, `${keptAs}${suffix}`);
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return { result: { ok: false, problem: `${first.problem}, and cannot be set aside (${why})` } };
  }
  return { result: attempt(path), setAside: { keptAs, problem: first.problem } };
}

function attempt(path: string) {
  try {
    return { ok: true, file: StateFile.open(path) } as const;
  } catch (error) {
    if (error instanceof StateFileError) {
      return { ok: false, fault: error.fault, problem: error.message } as const;
    }
    throw error;
  }
}
