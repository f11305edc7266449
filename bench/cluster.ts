import type { Contender } from "./contenders/contender.ts";
import { assertExact, SURPLUS_MS } from "./deliveries.ts";
import type { Batch, Counts, Load, Published } from "./load.ts";
import type { BenchRedis } from "./redis.ts";
import { type Bench, connectAll, type Effort, type Stage, startLoad } from "./scenario.ts";
import { prepareServer, type RunningServer, startPrepared } from "./servers.ts";
import { assertFilesFor, type Setup } from "./setup.ts";
import { sum } from "./stats.ts";

/** Until an event published at one node arrives at all: subscriptions in Redis take a moment. */
const JOIN_MS = 10_000;
/** For one such event; it either comes at once or was published too early. */
const TRY_MS = 500;
/** As most events of a bench. */
const TRY_PAYLOAD_BYTES = 200;

/** Why a contender has no place in a scenario with several nodes; undefined when it has one. */
export function cannotCluster(contender: Contender): string | undefined {
  return contender.cannotCluster;
}

/** The same, but for the yardstick, in whose place something else is measured. */
export function cannotClusterUnlessReference(contender: Contender): string | undefined {
  return contender.name === "yardstick" ? undefined : contender.cannotCluster;
}

/** The bench without those who are not named. */
export function onlyThese(bench: Bench, names: readonly Contender["name"][]): Bench {
  return { ...bench, contenders: bench.contenders.filter(({ name }) => names.includes(name)) };
}

/** Several nodes under load: each has subscribers of its own, the first one is published at. */
export interface ClusterStage {
  readonly servers: readonly RunningServer[];
  readonly groups: readonly Load[];
  readonly publisher: Load;
  /** CPU time so far, in microseconds, of everything that is measured. */
  cpuUs(): number;
}

/** A server by itself, seen as a cluster of one. */
export function asCluster({ server, subscribers, publisher }: Stage): ClusterStage {
  return { servers: [server], groups: [subscribers], publisher, cpuUs: () => server.cpuUs() };
}

/**
 * Starts `nodes` servers that meet in one Redis, with `sockets` subscribers each. Returns when an
 * event that is published at the first node arrives at all of them.
 */
export async function makeClusterStage(
  setup: Setup,
  contender: Contender,
  redis: BenchRedis,
  shape: { readonly nodes: number; readonly sockets: number },
): Promise<ClusterStage & AsyncDisposable> {
  assertFilesFor(setup, shape.sockets);
  await using stack = new AsyncDisposableStack();
  const servers = await startNodes(setup, contender, redis, shape.nodes, stack);
  const groups: Load[] = [];
  for (const server of servers) {
    const group = stack.use(await startLoad(setup, server));
    await connectAll(group, shape.sockets);
    groups.push(group);
  }
  const [first] = servers;
  if (first === undefined) throw new Error("a cluster needs a node");
  const publisher = stack.use(await startLoad(setup, first));
  await awaitJoined(groups, publisher);
  const rest = stack.move();
  const cpuUs = () => redis.cpuUs() + sum(servers.map((server) => server.cpuUs()));
  return {
    servers,
    groups,
    publisher,
    cpuUs,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

/** Starts so many servers that meet in one Redis; `stack` stops them. */
export async function startNodes(
  setup: Setup,
  contender: Contender,
  redis: BenchRedis,
  nodes: number,
  stack: AsyncDisposableStack,
): Promise<RunningServer[]> {
  const servers: RunningServer[] = [];
  for (let node = 0; node < nodes; node++) {
    const prepared = await prepareServer(setup, contender, { cluster: redis.cluster });
    servers.push(stack.use(await startPrepared(setup, prepared)));
  }
  return servers;
}

/** Publishes single events until one arrives everywhere. */
async function awaitJoined(groups: readonly Load[], publisher: Load): Promise<void> {
  const batch: Batch = { events: 1, payloadBytes: TRY_PAYLOAD_BYTES };
  const deadline = Date.now() + JOIN_MS;
  while (true) {
    await Promise.all(groups.map((group) => group.reset(batch)));
    const expected = groups.map((group) => group.expect(TRY_MS));
    const [, ...counts] = await Promise.all([publisher.burst(batch, TRY_MS), ...expected]);
    if (counts.every(({ missed }) => missed === 0)) break;
    if (Date.now() > deadline) {
      throw new Error(`no event of one node arrived at all others within ${JOIN_MS} ms`);
    }
  }
  // Nothing of these tries may be counted later.
  await Bun.sleep(SURPLUS_MS);
}

/** What a batch showed that was delivered by all nodes. */
export interface ClusterBurst {
  readonly deliveries: number;
  readonly deliveriesPerSecond: number;
  /** CPU time in microseconds of all nodes, and of Redis. */
  readonly serverUs: number;
  readonly effort: Effort;
}

const NS_PER_SECOND = 1e9;
const NS_PER_US = 1e3;

/**
 * Publishes a batch back to back at the first node. Throws when not every subscriber of every
 * node gets exactly that, each event once and in order, within `deadlineMs`.
 */
export async function burstEverywhere(
  stage: ClusterStage,
  batch: Batch,
  deadlineMs: number,
): Promise<ClusterBurst> {
  const { groups, publisher } = stage;
  await Promise.all(groups.map((group) => group.reset(batch)));
  const before = stage.cpuUs();
  const expected = groups.map((group) => group.expect(deadlineMs));
  const work: readonly [Promise<Published>, ...Promise<Counts>[]] = [
    publisher.burst(batch, deadlineMs),
    ...expected,
  ];
  const [published, ...counts] = await Promise.all(work);
  const serverUs = stage.cpuUs() - before;
  for (const count of counts) assertExact(count);
  await Bun.sleep(SURPLUS_MS);
  for (const count of await Promise.all(groups.map((group) => group.report()))) assertExact(count);
  const nanoseconds = Math.max(...counts.map((count) => count.at_ns)) - published.first_ns;
  const wallUs = nanoseconds / NS_PER_US;
  const generatorUs = published.cpu_us + sum(counts.map((count) => count.cpu_us));
  const deliveries = sum(counts.map((count) => count.total));
  return {
    deliveries,
    deliveriesPerSecond: (deliveries * NS_PER_SECOND) / nanoseconds,
    serverUs,
    effort: { server: serverUs / wallUs, generator: generatorUs / wallUs },
  };
}
