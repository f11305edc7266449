import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { readConfigFile } from "../config/config-file.ts";
import { systemEnvironment } from "../config/environment.ts";
import { type CliDeps, FAILED, type Io, type Serve } from "./deps.ts";
import { versionText } from "./version.ts";

/** What the commands need, from this process and machine. */
export function systemDeps(serve: Serve): CliDeps {
  return {
    io: systemIo(),
    env: systemEnvironment(),
    readFile: readConfigFile,
    cores: availableParallelism(),
    serve,
    version: versionText,
    now: Date.now,
    randomBytes,
    wait,
    interrupted,
  };
}

function systemIo(): Io {
  // Who read our output has gone (`… | head`): there is nobody left to write to.
  process.stdout.on("error", () => process.exit(FAILED));
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    isTty: process.stdout.isTTY === true,
    readInput,
  };
}

async function readInput(maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of Bun.stdin.stream()) {
    parts.push(part);
    length += part.length;
    if (length > maxBytes) {
      break;
    }
  }
  return Buffer.concat(parts).subarray(0, maxBytes + 1);
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) {
      end();
    }
    signal.addEventListener("abort", end);
  });
}

function interrupted(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  process.once("SIGTERM", () => controller.abort());
  return controller.signal;
}
