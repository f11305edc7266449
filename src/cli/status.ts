import type { Config } from "../config/schema.ts";
import { type CliDeps, FAILED, MISUSED, OK } from "./deps.ts";
import { type InternalApi, internalApiAt, internalApiOf, internalUrl } from "./internal-client.ts";
import { paintFor } from "./paint.ts";
import { readSnapshot, type Snapshot, type SnapshotResult } from "./read-status.ts";
import { statusLine, statusLines } from "./status-view.ts";

/** How often `--watch` looks, in milliseconds. */
const WATCH_INTERVAL_MS = 1_000;

/** Longest a look waits for its answer, in milliseconds. */
const ASK_DEADLINE_MS = 3_000;

/** ECMA-48 and DEC: what is done to a screen. */
const SCREEN = {
  clear: "\u001b[2J",
  home: "\u001b[H",
  clearLine: "\u001b[K",
  clearBelow: "\u001b[J",
  hideCursor: "\u001b[?25l",
  showCursor: "\u001b[?25h",
} as const;

export interface StatusOptions {
  /** The internal API's address; from the configuration when not given. */
  readonly url: string | undefined;
  readonly json: boolean;
  readonly watch: boolean;
}

type StatusDeps = Pick<CliDeps, "io" | "env" | "now" | "wait" | "interrupted">;

/**
 * Prints how a worker does: once, or once a second until interrupted.
 *
 * @returns 0, 1 when the worker does not say, 2 for a bad address.
 */
export async function status(
  options: StatusOptions,
  config: Config,
  deps: StatusDeps,
): Promise<number> {
  const { url } = options;
  const api = url === undefined ? internalApiOf(config) : internalApiAt(url, config.workerSecret);
  if (api === undefined) {
    deps.io.err("--url is no address of an internal API; give one such as http://10.0.0.12:9001");
    return MISUSED;
  }
  const asked = { ...api, deadlineMs: ASK_DEADLINE_MS };
  return options.watch ? await watch(asked, options, deps) : await once(asked, options, deps);
}

async function once(api: InternalApi, options: StatusOptions, deps: StatusDeps): Promise<number> {
  const result = await readSnapshot(api, deps.now);
  if (result.kind !== "read") {
    deps.io.err(result.message);
    return FAILED;
  }
  for (const line of view(result.snapshot, api, options, deps)) {
    deps.io.out(line);
  }
  return OK;
}

async function watch(api: InternalApi, options: StatusOptions, deps: StatusDeps): Promise<number> {
  const { io, now, wait } = deps;
  const interrupted = deps.interrupted();
  const isScreen = io.isTty && !options.json;
  if (isScreen) {
    io.out(SCREEN.hideCursor + SCREEN.clear);
  }
  let end = OK;
  while (!interrupted.aborted) {
    const start = now();
    const result = await readSnapshot({ ...api, signal: interrupted }, now);
    if (interrupted.aborted) {
      break;
    }
    if (isScreen) {
      io.out(screenOf(result, api, options, deps));
    } else if (result.kind === "read") {
      io.out(options.json ? jsonLine(result.snapshot) : statusLine(result.snapshot, start));
    } else {
      io.err(result.message);
    }
    if (result.kind === "forbidden" || result.kind === "refused") {
      end = FAILED;
      break;
    }
    // Once a second, however long the answer took.
    await wait(Math.max(0, WATCH_INTERVAL_MS - Math.max(0, now() - start)), interrupted);
  }
  if (isScreen) {
    io.out(SCREEN.showCursor);
  }
  return end;
}

/** A whole screen, drawn over the last one without a flicker. */
function screenOf(
  result: SnapshotResult,
  api: InternalApi,
  options: StatusOptions,
  deps: StatusDeps,
): string {
  const lines =
    result.kind === "read"
      ? view(result.snapshot, api, options, deps)
      : [paintFor(true, deps.env)("red", result.message)];
  const drawn = [...lines, "", "Ctrl-C ends it"].map((line) => line + SCREEN.clearLine);
  return SCREEN.home + drawn.join("\n") + SCREEN.clearBelow;
}

function view(
  snapshot: Snapshot,
  api: InternalApi,
  options: StatusOptions,
  { io, env }: StatusDeps,
): readonly string[] {
  return options.json
    ? [jsonLine(snapshot)]
    : statusLines(snapshot, internalUrl(api), paintFor(io.isTty, env));
}

/** Both answers as the worker gave them; `cluster` is `null` when it has none. */
function jsonLine({ status: statusObject, cluster }: Snapshot): string {
  return JSON.stringify({ status: statusObject, cluster: cluster ?? null });
}
