import { makeRandom, type Random } from "./random.ts";

/**
 * Workers of the cluster by who publishes there: the first PHP at A, the second at B, nobody at C.
 * While one is away, nginx sends its PHP to another.
 */
export type NodeName = "A" | "B" | "C";

export const NODE_NAMES = ["A", "B", "C"] as const satisfies readonly NodeName[];

/** How a program is ended: asked to, or killed. */
export type End = "SIGTERM" | "SIGKILL";

/** Something bad. Times are milliseconds. */
export type Fault =
  | { readonly kind: "restart"; readonly order: readonly NodeName[] }
  | { readonly kind: "kill"; readonly node: NodeName }
  | { readonly kind: "freeze"; readonly forMs: number }
  | { readonly kind: "empty"; readonly by: End; readonly awayMs: number }
  | { readonly kind: "rotate"; readonly restarts: NodeName; readonly reloadMs: number }
  | { readonly kind: "single"; readonly by: End }
  | { readonly kind: "garbage"; readonly forMs: number; readonly seed: number }
  | { readonly kind: "silent"; readonly sockets: number; readonly node: NodeName }
  | { readonly kind: "stall"; readonly readers: number; readonly node: NodeName };

/**
 * Faults of one lane never overlap, those of different lanes do. What strikes the cluster is one lane,
 * because a worker that starts while Redis is away knows no topic, and nobody promises otherwise.
 */
export const LANES = ["cluster", "single", "strangers"] as const;
export type Lane = (typeof LANES)[number];

export interface Step {
  /** When it begins, in milliseconds from the first one's start. */
  readonly atMs: number;
  readonly lane: Lane;
  readonly fault: Fault;
}

export interface Script {
  readonly seed: number;
  /** In the order of their times. */
  readonly steps: readonly Step[];
  readonly lengthMs: number;
}

type Range = readonly [low: number, high: number];

/** How much of everything; a range is drawn from. */
export interface FaultLengths {
  /** How many workers a round restarts one after another. */
  readonly restartedInTurn: number;
  readonly freezeMs: Range;
  readonly emptyAwayMs: Range;
  /** How long it takes until every page was loaded anew, with a token of the new secret. */
  readonly reloadMs: number;
  readonly garbageMs: Range;
  readonly silentSockets: Range;
  readonly stalledReaders: Range;
  /** Between two restarts of the single worker. */
  readonly singleEveryMs: Range;
}

/** A drained worker closes its sockets over 5 s; then it starts and joins, and browsers come back. */
const RESTART_MS = 8500;

/** A killed worker starts and joins, and browsers come back. */
const KILL_MS = 4500;

/** The workers notice that Redis is back, with pauses that grow while it is away. */
const REDIS_RETURN_MS = 4500;

/** Reading three files anew, twice. */
const RELOAD_FILES_MS = 1000;

/**
 * nginx leaves a worker out for 5 s (`fail_timeout`): until then PHP may be at the worker that nobody
 * publishes at. No worker may be killed under a call, whose outcome nobody could promise.
 */
const AT_HOME_AGAIN_MS = 6000;

/** How long a fault of the strangers' lane takes at most: a silent socket is closed after 10 s. */
const SILENCE_MS = 12_000;

/**
 * The same seed, the same script of faults. A round has every kind of fault, in an order of its own.
 *
 * @param roomMs How long all of it may take; one round is there in any case.
 */
export function makeScript(seed: number, lengths: FaultLengths, roomMs: number): Script {
  const steps: Step[] = [];
  let lengthMs = 0;
  for (let round = 1; ; round += 1) {
    const next = makeRound(makeRandom(seed, `round ${round}`), lengths, lengthMs);
    if (round > 1 && next.lengthMs > roomMs) {
      break;
    }
    steps.push(...next.steps);
    lengthMs = next.lengthMs;
  }
  return { seed, steps: steps.toSorted((a, b) => a.atMs - b.atMs), lengthMs };
}

function makeRound(random: Random, lengths: FaultLengths, startMs: number) {
  const steps: Step[] = [];
  let atMs = startMs;
  let isPhpElsewhere = false;
  for (const fault of clusterFaults(random, lengths)) {
    atMs += isPhpElsewhere && fault.kind === "kill" ? AT_HOME_AGAIN_MS : 0;
    isPhpElsewhere = fault.kind === "restart" || fault.kind === "rotate";
    steps.push({ atMs, lane: "cluster", fault });
    atMs += plannedMs(fault);
  }
  // The next round may begin with a kill.
  const endMs = atMs + (isPhpElsewhere ? AT_HOME_AGAIN_MS : 0);

  const strangers = strangersFaults(random, lengths);
  const sectionMs = (endMs - startMs) / strangers.length;
  for (const [index, fault] of strangers.entries()) {
    const spareMs = Math.max(0, sectionMs - plannedMs(fault));
    const begin = startMs + index * sectionMs + random.next() * spareMs;
    steps.push({ atMs: Math.round(begin), lane: "strangers", fault });
  }

  const between = (): number => random.whole(...lengths.singleEveryMs);
  for (let at = startMs + between() / 2; at < endMs; at += between()) {
    // Mostly asked to, now and then killed.
    const by = random.oneOf<End>(["SIGTERM", "SIGTERM", "SIGKILL"]);
    steps.push({ atMs: Math.round(at), lane: "single", fault: { kind: "single", by } });
  }
  return { steps, lengthMs: endMs };
}

function clusterFaults(random: Random, lengths: FaultLengths): Fault[] {
  const order = random.shuffled(NODE_NAMES).slice(0, lengths.restartedInTurn);
  const faults: Fault[] = [
    { kind: "kill", node: "C" },
    { kind: "freeze", forMs: random.whole(...lengths.freezeMs) },
    {
      kind: "empty",
      by: random.oneOf<End>(["SIGTERM", "SIGKILL"]),
      awayMs: random.whole(...lengths.emptyAwayMs),
    },
    { kind: "rotate", restarts: random.oneOf(NODE_NAMES), reloadMs: lengths.reloadMs },
    ...(order.length === 0 ? [] : [{ kind: "restart", order } as const]),
  ];
  return random.shuffled(faults);
}

function strangersFaults(random: Random, lengths: FaultLengths): Fault[] {
  const faults: Fault[] = [
    {
      kind: "garbage",
      forMs: random.whole(...lengths.garbageMs),
      seed: random.whole(1, 2 ** 31 - 1),
    },
    {
      kind: "silent",
      sockets: random.whole(...lengths.silentSockets),
      node: random.oneOf(NODE_NAMES),
    },
    {
      kind: "stall",
      readers: random.whole(...lengths.stalledReaders),
      node: random.oneOf(NODE_NAMES),
    },
  ];
  return random.shuffled(faults);
}

/** How long a fault takes until nothing is to be seen of it any more, on any machine but a busy one. */
function plannedMs(fault: Fault): number {
  switch (fault.kind) {
    case "restart":
      return fault.order.length * RESTART_MS;
    case "rotate":
      return RELOAD_FILES_MS + RESTART_MS + fault.reloadMs;
    case "kill":
    case "single":
      return KILL_MS;
    case "freeze":
      return fault.forMs + REDIS_RETURN_MS;
    case "empty":
      return fault.awayMs + REDIS_RETURN_MS;
    case "garbage":
      return fault.forMs;
    case "silent":
    case "stall":
      return SILENCE_MS;
  }
}

/** A fault in words. */
export function faultText(fault: Fault): string {
  switch (fault.kind) {
    case "restart":
      return `restart workers ${fault.order.join(", ")}, one after another`;
    case "kill":
      return `kill -9 worker ${fault.node}`;
    case "freeze":
      return `freeze Redis for ${seconds(fault.forMs)}`;
    case "empty": {
      const how = fault.by === "SIGKILL" ? "kill -9 Redis" : "stop Redis";
      return `${how}, start it empty after ${seconds(fault.awayMs)}`;
    }
    case "rotate":
      return `rotate the secret, restart worker ${fault.restarts} in the middle of it`;
    case "single":
      return fault.by === "SIGKILL" ? "kill -9 the single worker" : "restart the single worker";
    case "garbage":
      return `flood all ports with garbage for ${seconds(fault.forMs)}`;
    case "silent":
      return `${fault.sockets} silent sockets at worker ${fault.node}`;
    case "stall":
      return `${fault.readers} readers at worker ${fault.node} stall under large events`;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** A time of a run as minutes and seconds; before its start with a minus. */
export function clockText(ms: number): string {
  const tenths = Math.floor(Math.abs(ms) / 100);
  const minutes = Math.floor(tenths / 600);
  const seconds = ((tenths % 600) / 10).toFixed(1).padStart("00.0".length, "0");
  return `${ms < 0 ? "-" : ""}${minutes}:${seconds}`;
}

/** The whole script, a line for each fault. */
export function scriptText(script: Script): string {
  return script.steps
    .map(({ atMs, lane, fault }) => {
      return `  ${clockText(atMs).padStart(6)}  ${lane.padEnd(9)}  ${faultText(fault)}`;
    })
    .join("\n");
}
