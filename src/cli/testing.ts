import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { CliDeps } from "./deps.ts";

export const SECRET = "0123456789abcdef".repeat(4);

/** 2026-01-02T03:04:05.678Z, in milliseconds. */
export const NOW_MS = 1_767_323_045_678;

/** What a command wrote. */
export interface Written {
  readonly out: string[];
  readonly err: string[];
}

/** Dependencies without a process: texts are kept, nothing is served, `config.yaml` is in order. */
export function fakeDeps(over: Partial<CliDeps> = {}): { deps: CliDeps; written: Written } {
  const written: Written = { out: [], err: [] };
  const deps: CliDeps = {
    io: {
      out: (line) => void written.out.push(line),
      err: (line) => void written.err.push(line),
      isTty: false,
      readInput: () => Promise.resolve(new Uint8Array()),
    },
    env: {},
    readFile: (path) => {
      if (path !== "config.yaml") {
        throw Object.assign(new Error("absent"), { code: "ENOENT" });
      }
      return Buffer.from(`worker_secret: "${SECRET}"\n`);
    },
    cores: 4,
    serve: () => Promise.resolve(0),
    version: () => "1.2.3+abc1234",
    now: () => NOW_MS,
    randomBytes: (count) => new Uint8Array(count).fill(0xa5),
    wait: () => Promise.resolve(),
    interrupted: () => new AbortController().signal,
    ...over,
  };
  return { deps, written };
}

/** A configuration whose two ports are one test server's. */
export function configFor(port: number): Config {
  const env = { WAVELOG_WORKER_WORKER_SECRET: SECRET };
  const loaded = loadConfig({ path: "/nonexistent.yaml", explicit: false, env });
  if (!loaded.ok) {
    throw new Error(loaded.message);
  }
  return { ...loaded.config, wsBind: "127.0.0.1", wsPort: port, internalPort: port };
}
