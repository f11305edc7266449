import type { Contender } from "./contenders/contender.ts";
import { messageOf } from "./errors.ts";
import { Load } from "./load.ts";
import type { Cell, ContenderName, Curve, Row } from "./report/types.ts";
import { type RunningServer, type StartOptions, startServer } from "./servers.ts";
import { assertFilesFor, type Setup } from "./setup.ts";

/** For N sockets to connect one window after the other; a healthy server needs a few seconds. */
const CONNECT_MS = 60_000;
/** Handshakes at a time when it is not the connecting that is measured. */
const CONNECT_WINDOW = 100;

/** See warmUp. */
const WARM_UP_SOCKETS = 10;
const WARM_UP = { events: 3_000, payloadBytes: 200 };
const WARM_UP_MS = 30_000;

/** What a scenario runs on. */
export interface Bench {
  readonly setup: Setup;
  /** Those who are here and were chosen, in the order of tables. */
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly quick: boolean;
}

/** What a scenario found out. */
export interface Outcome {
  readonly rows?: readonly Row[];
  readonly curves?: readonly Curve[];
  /** Things worth knowing beside the figures. */
  readonly notes?: readonly string[];
}

/** One thing that is measured. */
export interface Scenario {
  readonly name: string;
  /** One line for the help text. */
  readonly about: string;
  /** Whether a quick run leaves it out, unless it is asked for by name. */
  readonly slow?: boolean;
  /** Throws when it cannot be measured at all; a contender's failure is told in its cell. */
  run(bench: Bench): Promise<Outcome>;
}

/** What came of one contender over all rounds. */
export type Turns<T> =
  | { readonly kind: "measured"; readonly samples: readonly T[] }
  | { readonly kind: "cannot"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string };

/** How contenders take turns. */
export interface TurnOptions {
  readonly name: string;
  /** Why a contender cannot do this; undefined when it can. */
  readonly cannot?: (contender: Contender) => string | undefined;
  /** Those of the run unless it is told. */
  readonly rounds?: number;
}

/**
 * Measures all contenders, one after the other, several rounds. Each round begins with another
 * one, so that nobody always finds the machine as the same rival has left it. Who fails in one
 * round has failed.
 */
export async function takeTurns<T>(
  bench: Bench,
  options: TurnOptions,
  once: (contender: Contender) => Promise<T>,
): Promise<Map<ContenderName, Turns<T>>> {
  const { setup, contenders } = bench;
  const rounds = options.rounds ?? bench.rounds;
  const all = new Map<ContenderName, Turns<T>>();
  for (const contender of contenders) {
    const why = options.cannot?.(contender);
    const begun: Turns<T> =
      why === undefined ? { kind: "measured", samples: [] } : { kind: "cannot", why };
    all.set(contender.name, begun);
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length];
      const soFar = contender === undefined ? undefined : all.get(contender.name);
      if (contender === undefined || soFar?.kind !== "measured") continue;
      setup.progress(`${options.name}: ${contender.title}, round ${round + 1} of ${rounds}`);
      all.set(contender.name, await oneTurn(setup, soFar.samples, () => once(contender)));
    }
  }
  return all;
}

async function oneTurn<T>(
  setup: Setup,
  samples: readonly T[],
  once: () => Promise<T>,
): Promise<Turns<T>> {
  try {
    return { kind: "measured", samples: [...samples, await once()] };
  } catch (error) {
    // Interrupted: nobody failed, the servers were stopped.
    setup.cleanup.assertOpen();
    return { kind: "failed", why: messageOf(error) };
  }
}

/** How busy the two sides were while something was measured, in parts of one core. */
export interface Effort {
  readonly server: number;
  readonly generator: number;
}

/** A row's cells: one figure out of each sample, and how busy both sides were, where that is known. */
export function cells<T>(
  turns: ReadonlyMap<ContenderName, Turns<T>>,
  take: (sample: T) => number,
  effort?: (sample: T) => Effort,
): Row["cells"] {
  const made: Partial<Record<ContenderName, Cell>> = {};
  for (const [name, turn] of turns) {
    made[name] =
      turn.kind === "measured"
        ? {
            kind: "measured",
            samples: turn.samples.map(take),
            ...(effort === undefined
              ? {}
              : {
                  serverBusy: turn.samples.map((sample) => effort(sample).server),
                  generatorBusy: turn.samples.map((sample) => effort(sample).generator),
                }),
          }
        : turn;
  }
  return made;
}

/** A server under load: its subscribers and its publisher, each a process of its own. */
export interface Stage extends AsyncDisposable {
  readonly server: RunningServer;
  readonly subscribers: Load;
  readonly publisher: Load;
}

/** What a stage is made for. */
export interface StageOptions extends StartOptions {
  /** Whether the server has served many events before: a service runs for days. */
  readonly warmUp?: boolean;
}

/**
 * Events for a few sockets, which then leave: enough that a compiling runtime has compiled what
 * it will. A pace of some events per second would not come to that within a measurement.
 */
async function warmUp(subscribers: Load, publisher: Load): Promise<void> {
  await connectAll(subscribers, WARM_UP_SOCKETS);
  await subscribers.reset(WARM_UP);
  await Promise.all([subscribers.expect(WARM_UP_MS), publisher.burst(WARM_UP, WARM_UP_MS)]);
}

/** Starts a server with `sockets` subscribers and a publisher standing by. */
export async function makeStage(
  setup: Setup,
  contender: Contender,
  sockets: number,
  options: StageOptions = {},
): Promise<Stage> {
  assertFilesFor(setup, sockets);
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startServer(setup, contender, options));
  const publisher = stack.use(await startLoad(setup, server));
  const subscribers = stack.use(await startLoad(setup, server));
  if (options.warmUp === true) await warmUp(subscribers, publisher);
  if (sockets > 0) await connectAll(subscribers, sockets);
  const rest = stack.move();
  return { server, subscribers, publisher, [Symbol.asyncDispose]: () => rest.disposeAsync() };
}

/** A load generator that is aimed at a server. */
export async function startLoad(setup: Setup, server: RunningServer): Promise<Load> {
  const load = await Load.start(setup.programs.load, setup.cleanup);
  load.aim(server.launch, server.topics);
  return load;
}

/** Connects one window after the other. Throws when not all are in within a minute. */
export async function connectAll(subscribers: Load, sockets: number) {
  return await subscribers.connect(sockets, CONNECT_WINDOW, CONNECT_MS);
}
