import { startBalancer } from "../balancer.ts";
import { cannotCluster } from "../cluster.ts";
import type { Contender } from "../contenders/contender.ts";
import { type Kept, Load } from "../load.ts";
import { startRedis } from "../redis.ts";
import type { Row } from "../report/types.ts";
import { type Bench, cells, connectAll, type Scenario, takeTurns } from "../scenario.ts";
import { type Prepared, prepareServer, type RunningServer, startPrepared } from "../servers.ts";
import { assertFilesFor } from "../setup.ts";

/** As many as deploy/nginx.conf has. */
const NODES = 3;
const SOCKETS = 1_000;
/** All retries of a browser used up take 4 × 1 s of pause and 5 × 1.5 s of patience. */
const SETTLE_MS = 12_000;
const LOOK_PAUSE_MS = 100;

/** A node that can be stopped and started again on its ports. */
class Node implements AsyncDisposable {
  readonly #bench: Bench;
  readonly #prepared: Prepared;
  #running: RunningServer | undefined;

  constructor(bench: Bench, prepared: Prepared) {
    this.#bench = bench;
    this.#prepared = prepared;
  }

  get launch() {
    return this.#prepared.launch;
  }

  get topics() {
    return this.#prepared.topics;
  }

  async start(): Promise<void> {
    this.#running = await startPrepared(this.#bench.setup, this.#prepared);
  }

  /** SIGTERM, and waits for the end. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Waits until everybody is back or has given up. Throws when somebody is neither in time. */
async function settled(subscribers: Load): Promise<Kept> {
  const deadline = Date.now() + SETTLE_MS;
  while (true) {
    const kept = await subscribers.kept();
    if (kept.ready + kept.gave_up >= kept.sockets) return kept;
    if (Date.now() > deadline) {
      const away = kept.sockets - kept.ready - kept.gave_up;
      throw new Error(`${away} sockets neither came back nor gave up. ${kept.reason}`);
    }
    await Bun.sleep(LOOK_PAUSE_MS);
  }
}

async function measure(bench: Bench, contender: Contender): Promise<Kept> {
  const { setup } = bench;
  // nginx holds two files for each.
  assertFilesFor(setup, 2 * SOCKETS);
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis(setup));
  const nodes: Node[] = [];
  for (let i = 0; i < NODES; i++) {
    const prepared = await prepareServer(setup, contender, { cluster: redis.cluster });
    const node = stack.use(new Node(bench, prepared));
    await node.start();
    nodes.push(node);
  }
  const balancer = stack.use(
    await startBalancer(
      setup,
      nodes.map(({ launch }) => launch),
      SOCKETS,
    ),
  );
  const [first] = nodes;
  if (first === undefined) throw new Error("no nodes");
  const subscribers = stack.use(await Load.start(setup.programs.load, setup.cleanup));
  subscribers.aim(balancer.through(first.launch), first.topics);
  await connectAll(subscribers, SOCKETS);
  await subscribers.keep();
  for (const node of nodes) {
    await node.stop();
    await node.start();
    // Servers that start in an instant would else all be restarted in one browser's pause.
    await settled(subscribers);
  }
  const kept = await subscribers.kept();
  if (kept.lost === 0) throw new Error("nobody was lost: the restarts did not reach the sockets");
  return kept;
}

/** What browsers notice when all nodes are restarted one after the other. */
export const rollingRestart: Scenario = {
  name: "rolling-restart",
  about: "nginx before three nodes, 1,000 sockets; each node is restarted, one after the other",
  slow: true,
  async run(bench) {
    const name = "rolling-restart";
    const turns = await takeTurns(bench, { name, cannot: cannotCluster }, (contender) =>
      measure(bench, contender),
    );
    const what = "3 nodes behind nginx restarted in turn, 1,000 sockets";
    const row = (
      id: string,
      figure: string,
      take: (kept: Kept) => number,
      rest: Pick<Row, "unit" | "combine" | "goals">,
    ): Row => ({
      id: `${name}.${id}`,
      what: `${what}: ${figure}`,
      better: "less",
      cells: cells(turns, take),
      ...rest,
    });
    return {
      rows: [
        row("gave-up", "browsers that gave up, all rounds", (kept) => kept.gave_up, {
          unit: "count",
          combine: "sum",
          goals: [{ kind: "worker-at-most", value: 0 }],
        }),
        row("absence", "absence, p99", (kept) => kept.p99_ms, {
          unit: "milliseconds",
          combine: "median",
          goals: [{ kind: "worker-at-most", value: 2_500 }],
        }),
        row("longest", "absence, the longest", (kept) => kept.max_ms, {
          unit: "milliseconds",
          combine: "median",
          goals: [],
        }),
        row("times", "how often one was lost, of all sockets", (kept) => kept.lost, {
          unit: "count",
          combine: "median",
          goals: [],
        }),
      ],
      notes: [
        `${name}: a browser waits 1 s before it tries again, so that no absence is shorter; ` +
          "nginx is set up as deploy/nginx.conf, without TLS, for all",
      ],
    };
  },
};
