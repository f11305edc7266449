import { closeSync, openSync, readSync } from "node:fs";

/** Larger than any real configuration; bounds what a wrong file name can cost. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** Largest text in which the line of a YAML fault is looked for, since that parses it once per line. */
const MAX_LOCATED_LENGTH = 32 * 1024;
const MAX_LOCATED_LINES = 500;

/** How long it is looked for, in milliseconds: aliases of aliases are short to write and long to read. */
const MAX_LOCATING_MS = 200;

/** Reads a file's bytes, at most one more than {@link MAX_FILE_BYTES}; throws as `node:fs` does. */
export type ReadFile = (path: string) => Uint8Array;

export type FileResult =
  /** The mapping's entries, `null` where YAML has a key without a value. */
  | { readonly kind: "read"; readonly entries: ReadonlyMap<string, unknown> }
  | { readonly kind: "missing" }
  /** What is wrong, for after the file's name; holds none of the content. */
  | { readonly kind: "fault"; readonly problem: string };

/** The real {@link ReadFile}. Works on pipes too, whose size nobody knows beforehand. */
export function readConfigFile(path: string): Uint8Array {
  const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
  const file = openSync(path, "r");
  try {
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(file, buffer, length, buffer.length - length, null);
      if (count === 0) {
        break;
      }
      length += count;
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/** Reads a configuration file as far as YAML goes: text, syntax, a mapping. */
export function loadConfigFile(path: string, readFile: ReadFile): FileResult {
  let bytes: Uint8Array;
  try {
    bytes = readFile(path);
  } catch (error) {
    const code = errorCode(error);
    return code === "ENOENT" ? { kind: "missing" } : fault(readProblem(code));
  }
  if (bytes.length > MAX_FILE_BYTES) {
    return fault("is larger than 1 MiB; is this the configuration file?");
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fault("is not UTF-8 text; save it in that encoding");
  }
  return parseConfigText(text);
}

function parseConfigText(text: string): FileResult {
  let value: unknown;
  try {
    value = Bun.YAML.parse(text);
  } catch (error) {
    return fault(syntaxProblem(text, error));
  }
  // An empty file, or one of comments only.
  if (value === null || value === undefined) {
    return { kind: "read", entries: new Map() };
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    return fault('is not a mapping; write one "key: value" per line, with a space after the colon');
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) {
    return fault(`has the same key on lines ${twice.first} and ${twice.second}; keep one of them`);
  }
  return { kind: "read", entries: new Map(Object.entries(value)) };
}

/** Bun's own message is left out: it has no position, and may come to quote the text one day. */
function syntaxProblem(text: string, error: unknown): string {
  const line = faultLine(text);
  const place = line === undefined ? "" : ` (near line ${line})`;
  const message = error instanceof Error ? error.message : "";
  if (message.includes("alias")) {
    return `is not valid YAML${place}; a value that begins with "*" must be in quotes`;
  }
  if (message.includes("Tab")) {
    return `is not valid YAML${place}; indent with spaces, not with tabs`;
  }
  return `is not valid YAML${place}; look at its quotes, colons and indentation`;
}

/** The line after the longest beginning that is good YAML: there begins what the parser gave up on. */
function faultLine(text: string): number | undefined {
  const lines = text.split("\n");
  if (text.length > MAX_LOCATED_LENGTH || lines.length > MAX_LOCATED_LINES) {
    return undefined;
  }
  const end = performance.now() + MAX_LOCATING_MS;
  for (let count = lines.length - 1; count > 0; count--) {
    if (performance.now() > end) {
      return undefined;
    }
    try {
      Bun.YAML.parse(lines.slice(0, count).join("\n"));
      return count + 1;
    } catch {
      // Still holds the faulty line: leave one more out.
    }
  }
  return 1;
}

/**
 * Finds a key given twice, of which YAML parsers would silently take one. Looks at unindented
 * `key:` lines, which is where a mapping's keys stand.
 */
function repeatedKey(text: string): { first: number; second: number } | undefined {
  const seen = new Map<string, number>();
  for (const [index, line] of text.split("\n").entries()) {
    const key = /^(["']?)([\w-]+)\1[ \t]*:(?:\s|$)/.exec(line)?.[2];
    if (key === undefined) {
      continue;
    }
    const first = seen.get(key);
    if (first !== undefined) {
      return { first, second: index + 1 };
    }
    seen.set(key, index + 1);
  }
  return undefined;
}

function readProblem(code: string | undefined): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "cannot be read: permission denied; check its owner and mode";
    case "EISDIR":
      return "is a directory; name the file in it";
    case "ESPIPE":
      return "is no file but a pipe, which can be read at the start alone; restart the worker";
    default:
      return `cannot be read (${code ?? "unknown reason"})`;
  }
}

function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]{1,32}$/.test(code) ? code : undefined;
}

function fault(problem: string): FileResult {
  return { kind: "fault", problem };
}
