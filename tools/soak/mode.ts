import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { median } from "../../bench/stats.ts";
import { openFiles, residentBytes } from "../../test/support/proc.ts";
import { Helper } from "../chaos/helper.ts";
import { isAccepted } from "../chaos/ledger.ts";
import { Php } from "../chaos/php.ts";
import { makeSecret } from "../chaos/scene.ts";
import { callApi } from "../cluster/api.ts";
import { Child } from "../cluster/child.ts";
import { writeNodeConfig } from "../cluster/node.ts";
import { LOOPBACK } from "../cluster/places.ts";
import { findPorts, type NodePorts, someBlock } from "../cluster/ports.ts";
import { accepts, waitUntil } from "../cluster/wait.ts";
import { firstProcessor, MemoryLimit, PI_MEMORY_BYTES, threadCount } from "./limit.ts";
import { LOAD, LONGEST_WARM_UP, WARM_UP_SHARE } from "./load.ts";
import { type Finding, findings, type Sample } from "./metrics.ts";
import type { VisitorsOrder, VisitorsReport } from "./visitors.ts";

/** `pi`: on one core, with the memory of a small machine. */
export type ModeName = "plain" | "pi";

/** What a run is given. */
export interface ModeOptions {
  readonly mode: ModeName;
  readonly seconds: number;
  /** The command line that runs the worker, its arguments to follow. */
  readonly program: readonly string[];
  /** Everything that is written goes here. */
  readonly directory: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** Ends the run: a part of it does not work. */
  readonly onFault: (fault: Error) => void;
}

/** What a run has found. */
export interface ModeResult {
  readonly mode: ModeName;
  /** Under which conditions, in words. */
  readonly how: string;
  readonly warmUp: number;
  readonly samples: readonly Sample[];
  readonly findings: readonly Finding[];
  /** Most memory of all samples, in MiB. */
  readonly peak: number;
  /** By the control group's count, which leaves out the program's pages that others have loaded. */
  readonly groupPeak: number | undefined;
  readonly sessions: number;
  readonly pushes: number;
  readonly published: number;
  /** What must not happen, in words. */
  readonly faults: readonly string[];
}

const MIB = 2 ** 20;
const SAMPLE_EVERY_MS = 1000;
const START_DEADLINE_MS = 20_000;

/** Seconds between two lines that tell how it is going. */
const TELL_EVERY = 30;

/** Different faults that are told. */
const MAX_FAULTS = 10;

/** Runs one worker under steady load. */
export async function runMode(options: ModeOptions): Promise<ModeResult> {
  const { mode, seconds, say, signal, onFault } = options;
  await using scope = new AsyncDisposableStack();
  const limit = mode === "pi" ? scope.use(MemoryLimit.make()) : undefined;
  const secret = makeSecret();
  const { nodes } = findPorts(1, someBlock());
  const [ports] = nodes;
  if (ports === undefined) {
    throw new Error("there are no ports");
  }
  const processor = firstProcessor();
  const how =
    limit === undefined ? "as this machine is" : `on processor ${processor} alone; ${limit.how}`;
  say(`${mode}: ${how}, for ${seconds} s`);
  const worker = scope.use(await startWorker(options, ports, secret, limit, processor));

  const topics = Array.from({ length: LOAD.topics }, (_, index) => `soak.${index + 1}`);
  const php = scope.use(
    new Php({
      ...{ publisher: 0, url: `http://${LOOPBACK}:${ports.internal}`, secret, topics, onFault },
      everyMs: LOAD.publishEveryMs,
    }),
  );
  await php.ready(signal);

  const faults: string[] = [];
  let handshakes: number[] = [];
  let sessions = 0;
  let pushes = 0;
  const visitors = scope.use(
    new Helper<VisitorsReport>({
      name: "visitors",
      command: [process.execPath, join(import.meta.dir, "visitors.ts")],
      order: {
        ...{ endpoint: `ws://${LOOPBACK}:${ports.ws}/ws`, secret, topics },
        ...{ visitors: LOAD.visitors, meanMs: LOAD.meanMs },
      } satisfies VisitorsOrder,
      onReport: (report) => {
        handshakes.push(...report.handshakes);
        faults.push(...report.failures.map((why) => `a client's session failed: ${why}`));
        sessions += report.sessions;
        pushes += report.pushes;
      },
      onFault,
    }),
  );

  const samples: Sample[] = [];
  const start = performance.now();
  for (let due = 0; due <= seconds; due += SAMPLE_EVERY_MS / 1000) {
    await Bun.sleep(Math.max(0, start + due * 1000 - performance.now()));
    signal.throwIfAborted();
    worker.assertRunning();
    const sample = await takeSample(worker.pid, ports, secret, start, handshakes);
    handshakes = [];
    samples.push(sample);
    if (due > 0 && due % TELL_EVERY === 0) {
      say(sampleText(sample));
    }
  }
  await Promise.all([php.stop(), visitors.stop()]);

  const refused = php.published.filter((event) => !isAccepted(event));
  faults.push(...refused.map(({ statuses }) => `a publish was answered ${statuses.join(", ")}`));
  const peak = Math.max(...samples.map(({ memory }) => memory));
  if (mode === "pi" && peak * MIB > PI_MEMORY_BYTES) {
    faults.push(`${peak.toFixed(0)} MiB of memory are more than a small machine has for it`);
  }
  const warmUp = Math.min(seconds * WARM_UP_SHARE, LONGEST_WARM_UP);
  const groupPeak = limit?.peak();
  return {
    ...{ mode, how, warmUp, samples, peak, sessions, pushes },
    findings: findings(samples, warmUp),
    groupPeak: groupPeak === undefined ? undefined : groupPeak / MIB,
    published: php.published.length,
    faults: [...new Set(faults)].slice(0, MAX_FAULTS),
  };
}

async function startWorker(
  { mode, program, directory, signal }: ModeOptions,
  ports: NodePorts,
  secret: string,
  limit: MemoryLimit | undefined,
  processor: string,
): Promise<Child> {
  mkdirSync(directory, { recursive: true });
  const configFile = join(directory, `${mode}.yaml`);
  writeNodeConfig(configFile, ports, { worker_secret: secret });
  const serve = [...program, "serve", "--config", configFile];
  const worker = new Child({
    name: "the worker",
    command: limit?.command(["taskset", "-c", processor, ...serve]) ?? serve,
    log: join(directory, `${mode}.log`),
  });
  const serves = async (): Promise<boolean> => {
    worker.assertRunning();
    return (await accepts(ports.ws)) && (await accepts(ports.internal));
  };
  try {
    await waitUntil(serves, "the worker to serve", START_DEADLINE_MS, signal);
    return worker;
  } catch (fault) {
    await worker[Symbol.asyncDispose]();
    throw fault;
  }
}

async function takeSample(
  pid: number,
  ports: NodePorts,
  secret: string,
  start: number,
  handshakes: readonly number[],
): Promise<Sample> {
  const began = performance.now();
  const answer = await callApi(ports.internal, secret, "/internal/status");
  const status = performance.now() - began;
  if (answer.status !== 200) {
    throw new Error(`the status was answered ${answer.status} ${answer.text}`);
  }
  return {
    at: (began - start) / 1000,
    memory: residentBytes(pid) / MIB,
    files: openFiles(pid),
    threads: threadCount(pid),
    status,
    handshake: median(handshakes),
  };
}

function sampleText({ at, memory, files, threads, status, handshake }: Sample): string {
  const time = `${at.toFixed(0)} s`.padStart("99999 s".length);
  return (
    `  ${time}  ${memory.toFixed(1)} MiB, ${files} files, ${threads} threads, ` +
    `status in ${status.toFixed(1)} ms, handshake in ${handshake.toFixed(1)} ms`
  );
}
