import { availableParallelism, loadavg } from "node:os";
import { waitUntil } from "../cluster/wait.ts";
import { Crowd } from "./crowd.ts";
import { bringAbout } from "./faults.ts";
import type { Form } from "./form.ts";
import { audit } from "./ledger.ts";
import { Php } from "./php.ts";
import { measure } from "./resources.ts";
import { type Scene, startScene } from "./scene.ts";
import { clockText, faultText, LANES, type Script, type Step } from "./script.ts";
import type { Stage } from "./stage.ts";
import type { Seen } from "./verdict.ts";
import type { WorkerTarget } from "./worker.ts";

/** What a run is given. */
export interface RunOptions {
  readonly form: Form;
  readonly script: Script;
  readonly target: WorkerTarget;
  /** Everything that is written goes here. */
  readonly directory: string;
  readonly say: (line: string) => void;
  readonly scope: AsyncDisposableStack;
  readonly signal: AbortSignal;
  /** Ends the run: a part of it does not work. */
  readonly onFault: (fault: Error) => void;
}

/** How long the last events may take, in milliseconds. */
const ARRIVAL_DEADLINE_MS = 15_000;

/** Between two looks at the books, in milliseconds: a look goes through all of them. */
const LOOK_EVERY_MS = 500;

/** Topics with these names, numbered. */
function topicNames(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}.${index + 1}`);
}

/** Browsers on topics, as many on each. */
function spread(topics: readonly string[], browsers: number): string[] {
  return Array.from({ length: browsers }, (_, index) => topics[index % topics.length] ?? "");
}

/** Plays a script, from an empty machine to the books. */
export async function run(options: RunOptions): Promise<Seen> {
  const { form, script, say, signal } = options;
  const scene = await startScene(options.directory, options.target, options.scope, signal);
  say(sceneText(scene));
  const stage = await startStage(options, scene);
  const { browsers, singleBrowsers, phps } = stage;
  const workers = [scene.nodes.A, scene.nodes.B, scene.nodes.C, scene.single];

  await Bun.sleep(form.calmMs);
  const before = await measure(workers);
  say("");
  const start = performance.now();
  const startedAt = Date.now();
  const lanes = LANES.map(async (lane) => {
    const steps = script.steps.filter((step) => step.lane === lane);
    for (const step of steps) {
      await play(step, start, stage, say);
    }
  });
  await Promise.all(lanes);
  await Promise.all([browsers.areLive(signal), singleBrowsers.areLive(signal)]);
  await Bun.sleep(form.calmMs);
  signal.throwIfAborted();
  const after = await measure(workers);

  await Promise.all(phps.map((php) => php.stop()));
  const published = phps.flatMap((php) => php.published);
  const books = () =>
    audit(published, [...browsers.connections, ...singleBrowsers.connections], stage.outages);
  await waitForArrivals(() => books().lost.length === 0, signal);
  await Promise.all([browsers.stop(), singleBrowsers.stop()]);
  return {
    start: startedAt,
    audit: books(),
    published,
    singlePublisher: 2,
    aways: stage.aways,
    browsers: browsers.size + singleBrowsers.size,
    givenUp: [...browsers.givenUp, ...singleBrowsers.givenUp].map(({ browser, topic, at, why }) => {
      return `browser ${browser} (${topic}) at ${clockText(at - startedAt)}: ${why}`;
    }),
    absences: [...browsers.absences, ...singleBrowsers.absences],
    ends: workers.flatMap(({ name, process }) =>
      process.ends.filter(({ isMeant }) => !isMeant).map(({ how }) => `${name}: ${how}`),
    ),
    load: `${(loadavg()[0] ?? 0).toFixed(1)} on ${availableParallelism()} processors`,
    before,
    after,
  };
}

/** Starts PHP and the browsers, and waits until every page is live. */
async function startStage(options: RunOptions, scene: Scene): Promise<Stage> {
  const { form, scope, signal, onFault } = options;
  const topics = topicNames("chaos", form.topics);
  const singleTopics = topicNames("single", form.singleTopics);
  const startPhp = (publisher: 0 | 1 | 2, secret: string, ownTopics: readonly string[]): Php =>
    scope.use(
      new Php({
        ...{ publisher, secret, topics: ownTopics, onFault },
        ...{ url: scene.phpUrls[publisher], everyMs: form.publishEveryMs },
      }),
    );
  const phps = [
    startPhp(0, scene.secret, topics),
    startPhp(1, scene.secret, topics),
    startPhp(2, scene.singleSecret, singleTopics),
  ] as const;
  await Promise.all(phps.map((php) => php.ready(signal)));

  const browsers = scope.use(
    new Crowd({
      ...{ name: "browsers", first: 0, topics: spread(topics, form.browsers) },
      ...{ endpoint: scene.endpoint, ca: scene.ca, secret: scene.secret, onFault },
    }),
  );
  const singleBrowsers = scope.use(
    new Crowd({
      ...{ name: "single worker's browsers", first: form.browsers },
      topics: spread(singleTopics, form.singleBrowsers),
      ...{ endpoint: scene.singleEndpoint, secret: scene.singleSecret, onFault },
    }),
  );
  await Promise.all([browsers.areLive(signal), singleBrowsers.areLive(signal)]);
  return {
    ...{ form, scene, browsers, singleBrowsers, phps, topics, signal, onFault },
    largeTopic: topics[0] ?? "",
    outages: [],
    aways: [],
  };
}

/** Brings one fault about at its time, and says what the browsers have seen of it. */
async function play(
  { atMs, lane, fault }: Step,
  start: number,
  stage: Stage,
  say: (line: string) => void,
): Promise<void> {
  await Bun.sleep(Math.max(0, start + atMs - performance.now()));
  stage.signal.throwIfAborted();
  const crowd = lane === "single" ? stage.singleBrowsers : stage.browsers;
  const began = performance.now();
  const absences = crowd.absences.length;
  const losses = crowd.losses;
  const told = await bringAbout(fault, stage);
  const took = performance.now() - began;
  const seen = [
    told,
    lane === "strangers"
      ? ""
      : crowdText(crowd, crowd.losses - losses, crowd.absences.slice(absences)),
  ];
  say(
    `  ${clockText(began - start).padStart(6)}  ${faultText(fault)}: ${seen.filter(Boolean).join("; ")} (${(took / 1000).toFixed(1)} s)`,
  );
}

function crowdText(crowd: Crowd, losses: number, absences: readonly number[]): string {
  const live = `${crowd.live} of ${crowd.size} browsers live`;
  if (losses === 0) {
    return `no socket lost, ${live}`;
  }
  const longest = (Math.max(0, ...absences) / 1000).toFixed(2);
  return `${losses} sockets lost, absent ${longest} s at most, ${live}`;
}

async function waitForArrivals(haveArrived: () => boolean, signal: AbortSignal): Promise<void> {
  const look = async (): Promise<boolean> => {
    await Bun.sleep(LOOK_EVERY_MS);
    return haveArrived();
  };
  try {
    await waitUntil(look, "the last events", ARRIVAL_DEADLINE_MS, signal);
  } catch (fault) {
    signal.throwIfAborted();
    // What has not come by now is lost, and the table says so.
    void fault;
  }
}

function sceneText({ nodes }: Scene): string {
  const names = Object.entries(nodes).map(([letter, { name }]) => `${letter} is ${name}`);
  return `  ${names.join(", ")}: PHP publishes at A and at B, nobody at C while those are there`;
}
