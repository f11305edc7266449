/**
 * People who come and go: clients with sessions of random length, many in one process; told and telling
 * in lines of JSON. See {@link VisitorsOrder} and {@link VisitorsReport}.
 */
import { AUTH_OK_FRAME } from "../../src/protocol/frames.ts";
import { signToken } from "../../src/protocol/token.ts";
import { report, takeOrders } from "../chaos/helper.ts";
import { makeRandom } from "../chaos/random.ts";

/** The first order begins everything. */
export interface VisitorsOrder {
  /** The WebSocket endpoint, without `?topic=`. */
  readonly endpoint?: string;
  readonly secret?: string;
  readonly topics?: readonly string[];
  /** So many are there at a time. */
  readonly visitors?: number;
  /** Mean length of a session, in milliseconds. */
  readonly meanMs?: number;
  readonly stop?: boolean;
}

/** What has happened since the last report. */
export interface VisitorsReport {
  /** Connect, upgrade and auth of those that were let in, in milliseconds. */
  readonly handshakes: readonly number[];
  /** Why, for each session that did not come about or ended before its time. */
  readonly failures: readonly string[];
  /** Sessions that ended in their time. */
  readonly sessions: number;
  readonly pushes: number;
}

/** Between two reports, in milliseconds. */
const REPORT_EVERY_MS = 500;

/** Between two sessions of a visitor, in milliseconds at most. */
const PAUSE_MS = 500;

/** No session is longer than this many times the mean. */
const LONGEST = 5;

/** How sessions end: closed as a browser does, or the connection is cut; some leave before auth. */
const CUT_SHARE = 0.2;
const HASTY_SHARE = 0.1;

/** Visitors come in one by one at first. */
const FIRST_WITHIN_MS = 3000;

/** How long a session may take to come about, in milliseconds: the browser's patience. */
const PATIENCE_MS = 1500;

const TOKEN_SECONDS = 3600;

const random = makeRandom(1, "visitors");
let handshakes: number[] = [];
let failures: string[] = [];
let sessions = 0;
let pushes = 0;

/** One session after the other. */
async function visit(user: number, topic: string, order: Required<Omit<VisitorsOrder, "stop">>) {
  await Bun.sleep(random.next() * FIRST_WITHIN_MS);
  for (;;) {
    const lengthMs = Math.min(-Math.log(1 - random.next()), LONGEST) * order.meanMs;
    await session(user, topic, lengthMs, order);
    await Bun.sleep(random.next() * PAUSE_MS);
  }
}

function session(
  user: number,
  topic: string,
  lengthMs: number,
  { endpoint, secret }: Required<Omit<VisitorsOrder, "stop">>,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const expires = Math.floor(Date.now() / 1000) + TOKEN_SECONDS;
  const token = signToken({ userId: user, topic, expires }, secret);
  const isHasty = random.next() < HASTY_SHARE;
  const isCut = random.next() < CUT_SHARE;
  const began = performance.now();
  const socket = new WebSocket(`${endpoint}?topic=${encodeURIComponent(topic)}`);
  let isEnding = false;
  let isIn = false;
  const fail = (why: string): void => {
    if (!isEnding) {
      isEnding = true;
      failures.push(why);
      socket.terminate();
      resolve();
    }
  };
  const patience = setTimeout(() => fail(`not let in within ${PATIENCE_MS} ms`), PATIENCE_MS);
  const end = (): void => {
    if (isEnding) {
      return;
    }
    isEnding = true;
    sessions += 1;
    if (isCut) {
      socket.terminate();
    } else {
      socket.close(1000);
    }
    resolve();
  };
  socket.onopen = () => {
    if (isHasty) {
      clearTimeout(patience);
      end();
    } else {
      socket.send(JSON.stringify({ type: "auth", token }));
    }
  };
  socket.onmessage = ({ data }) => {
    if (isIn) {
      pushes += 1;
    } else if (data === AUTH_OK_FRAME) {
      isIn = true;
      clearTimeout(patience);
      handshakes.push(performance.now() - began);
      setTimeout(end, lengthMs);
    } else {
      fail(`heard ${String(data).slice(0, 100)}`);
    }
  };
  socket.onclose = ({ code }) => {
    clearTimeout(patience);
    fail(`closed ${code}`);
  };
  return promise;
}

function tell(): void {
  report({ handshakes, failures, sessions, pushes } satisfies VisitorsReport);
  handshakes = [];
  failures = [];
  sessions = 0;
  pushes = 0;
}

setInterval(tell, REPORT_EVERY_MS);
await takeOrders<VisitorsOrder>((order) => {
  const { endpoint, secret, topics, visitors, meanMs } = order;
  if (endpoint !== undefined && secret !== undefined && topics && visitors && meanMs) {
    for (let user = 0; user < visitors; user += 1) {
      const topic = topics[user % topics.length] ?? "";
      void visit(user + 1, topic, { endpoint, secret, topics, visitors, meanMs });
    }
  }
  if (order.stop === true) {
    tell();
    process.stdout.write("", () => process.exit(0));
  }
});
