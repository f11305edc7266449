import { messageOf } from "./errors.ts";
import { Load } from "./load.ts";
import type { Measure } from "./measure.ts";
import { type RunningServer, type ServerKind, startServer } from "./servers.ts";
import { assertFilesFor, type Setup } from "./setup.ts";

/** For N sockets to connect one window after the other; a healthy server needs a few seconds. */
const CONNECT_MS = 60_000;
/** Handshakes at a time when it is not the connecting that is measured. */
const CONNECT_WINDOW = 100;
/** The rounds of a full run; the median of three forgives one disturbed round. */
const ROUNDS = 3;

/** What a scenario found out. */
export interface Outcome {
  readonly measures: readonly Measure[];
  /** Things worth knowing beside the figures. */
  readonly notes: readonly string[];
}

/** One thing that is measured. */
export interface Scenario {
  readonly name: string;
  /** One line for the help text. */
  readonly about: string;
  /** Throws when it cannot be measured or a delivery is lost. */
  run(setup: Setup): Promise<Outcome>;
}

/** Samples of both servers, one per round. */
export type Samples<T> = Readonly<Record<ServerKind, readonly T[]>>;

/**
 * Measures both servers, one after the other, several rounds. Every other round begins with the
 * other one, so that neither always finds the machine as its rival has left it.
 */
export async function alternate<T>(
  setup: Setup,
  name: string,
  once: (kind: ServerKind) => Promise<T>,
  rounds: number = setup.quick ? 1 : ROUNDS,
): Promise<Samples<T>> {
  const samples = { worker: [] as T[], yardstick: [] as T[] };
  for (let round = 1; round <= rounds; round++) {
    const order: ServerKind[] = round % 2 === 1 ? ["worker", "yardstick"] : ["yardstick", "worker"];
    for (const kind of order) {
      setup.progress(`${name}: ${kind}, round ${round} of ${rounds}`);
      try {
        samples[kind].push(await once(kind));
      } catch (error) {
        throw new Error(`${kind}: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
  }
  return samples;
}

/** Takes one figure out of each sample. */
export function figures<T>(samples: Samples<T>, take: (sample: T) => number) {
  return { worker: samples.worker.map(take), yardstick: samples.yardstick.map(take) };
}

/** A server under load: its subscribers and its publisher, each a process of its own. */
export interface Stage extends AsyncDisposable {
  readonly server: RunningServer;
  readonly subscribers: Load;
  readonly publisher: Load;
}

/** Starts a server with `sockets` authenticated subscribers and a publisher standing by. */
export async function makeStage(setup: Setup, kind: ServerKind, sockets: number): Promise<Stage> {
  assertFilesFor(setup, sockets);
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startServer(setup, kind));
  const { load: publisher } = await Load.start(setup.programs.load, setup.cleanup);
  stack.use(publisher);
  const { load: subscribers } = await Load.start(setup.programs.load, setup.cleanup);
  stack.use(subscribers);
  publisher.aim(server.target);
  subscribers.aim(server.target);
  if (sockets > 0) await subscribers.connect(sockets, CONNECT_WINDOW, CONNECT_MS);
  const rest = stack.move();
  return { server, subscribers, publisher, [Symbol.asyncDispose]: () => rest.disposeAsync() };
}
