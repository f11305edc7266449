import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";
import { parseResult, type Result } from "./types.ts";

/** Where raw runs are kept. */
export const RESULTS = join(import.meta.dir, "../results");

/** What fits stands in one line, so that a diff shows which contender of which row has moved. */
const LINE_WIDTH = 120;
const INDENT = "  ";
const DATE_LENGTH = 10;

function flat(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flat).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  if (entries.length === 0) return "{}";
  return `{ ${entries.map(([key, inner]) => `${JSON.stringify(key)}: ${flat(inner)}`).join(", ")} }`;
}

function print(value: unknown, indent: string): string {
  const line = flat(value);
  if (typeof value !== "object" || value === null || indent.length + line.length <= LINE_WIDTH) {
    return line;
  }
  const inner = indent + INDENT;
  if (Array.isArray(value)) {
    return `[\n${value.map((one) => inner + print(one, inner)).join(",\n")}\n${indent}]`;
  }
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  const lines = entries.map(([key, one]) => `${inner}${JSON.stringify(key)}: ${print(one, inner)}`);
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

/** A result as JSON with every sample: compact, and a line per cell. */
export function toJson(result: Result): string {
  return `${print(result, "")}\n`;
}

/** The name under which a result is kept: date and commit, and whether it was a quick run. */
export function keptName({ at, commit, quick }: Result): string {
  return `${at.slice(0, DATE_LENGTH)}-${commit}${quick ? "-quick" : ""}.json`;
}

/**
 * Keeps a result, in place of one of the same kind, day and commit. Resolves with its path. Throws
 * when the tree had uncommitted changes: nobody could measure the same again.
 */
export async function keepResult(result: Result, directory = RESULTS): Promise<string> {
  if (result.dirty) throw new Error("only what is committed is kept: commit, then measure again");
  await mkdir(directory, { recursive: true });
  const path = join(directory, keptName(result));
  await Bun.write(path, toJson(result));
  return path;
}

/** Reads one result. Throws when there is none at `path`, or something else. */
export async function readResult(path: string): Promise<Result> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new Error(`there is no "${path}": give a result's file`);
  return parseResult(await file.text(), path);
}

/** A result and where it was kept. */
export interface Kept {
  readonly path: string;
  readonly result: Result;
}

/** The newest kept result that `wanted` accepts; undefined when there is none. */
export async function newestKept(
  wanted: (result: Result) => boolean,
  directory = RESULTS,
): Promise<Kept | undefined> {
  let names: string[];
  try {
    names = [...new Glob("*.json").scanSync(directory)];
  } catch {
    // Nothing was ever kept here.
    return undefined;
  }
  const paths = names.map((name) => join(directory, name));
  const all = await Promise.all(
    paths.map(async (path) => ({ path, result: await readResult(path) })),
  );
  return all
    .filter(({ result }) => wanted(result))
    .toSorted((a, b) => (a.result.at < b.result.at ? 1 : -1))[0];
}
