import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Api, publishBody } from "./support/api.ts";
import { eventually } from "./support/changes.ts";
import { HttpClient } from "./support/http.ts";
import { Lines } from "./support/lines.ts";
import { residentBytes } from "./support/proc.ts";
import type { ReadersReport } from "./support/readers-process.ts";
import { TARGETS } from "./support/targets.ts";
import { makeToken } from "./support/token.ts";
import { startWorker, type WorkerProcess } from "./support/worker.ts";

setDefaultTimeout(180_000);

const TOPIC = "contest_session.1";
const READERS = 500;
/** At some 200 events a second, this many never get their turn within 250 ms. */
const PUBLISHERS = 120;

/** How long is published, in seconds; `OVERLOAD_SECONDS=60` for the long form. */
const SECONDS = Number(Bun.env["OVERLOAD_SECONDS"] ?? 4);

/** One event is 500 frames of 20 KB: some ten megabytes, which no machine writes many hundred times a second. */
const FILLING = "x".repeat(20_000);

/** A worker with its queue, and what may wait for each reader. */
const MAX_MEMORY_BYTES = 200e6 + READERS * 1_048_576;

/** The default of max_queued_bytes, in events of this size. */
const MAX_DEPTH = 16_777_216 / FILLING.length + 1;

/**
 * Within this time after the end of the flood everything is as before. The promise is one second;
 * machines that run tests do much else.
 */
const RECOVERY_MS = 5000;

/** A process of readers; see `readers-process.ts`. */
class Readers implements Disposable {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: Lines;
  #asked = 0;

  constructor(worker: WorkerProcess, count: number) {
    const script = join(import.meta.dir, "support/readers-process.ts");
    const token = makeToken(worker.secret, TOPIC);
    const args = [String(worker.ports.ws), TOPIC, token, String(count)];
    this.#process = Bun.spawn([process.execPath, script, ...args], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#lines = new Lines(this.#process.stdout);
  }

  async ready(): Promise<void> {
    await this.#lines.until((lines) => lines[0], "all readers to be let in", 30_000);
  }

  async report(): Promise<ReadersReport> {
    this.#asked += 1;
    this.#process.stdin.write("report\n");
    await this.#process.stdin.flush();
    const index = this.#asked;
    const line = await this.#lines.until((lines) => lines[index], "a report", 30_000);
    return JSON.parse(line);
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
  }
}

interface Flood {
  /** The numbers of all events answered 200. */
  readonly accepted: number[];
  refused: number;
  /** What a refusal says, each once. */
  readonly refusals: Set<string>;
  mostMemory: number;
  /** The most that waited for the gateway thread, in events. */
  deepest: number;
}

/** Publishes as fast as the answers come, over connections of their own, until the time is up. */
async function flood(worker: WorkerProcess): Promise<Flood> {
  const result: Flood = {
    accepted: [],
    refused: 0,
    refusals: new Set(),
    mostMemory: 0,
    deepest: 0,
  };
  const end = performance.now() + SECONDS * 1000;
  let next = 0;
  const publish = async (): Promise<void> => {
    using client = await HttpClient.connect(worker.ports.internal);
    while (performance.now() < end) {
      next += 1;
      const number = next;
      const body = publishBody(TOPIC, `[${number},"${FILLING}"]`);
      client.send({ path: "/internal/publish", secret: worker.secret, body });
      const answer = await client.answer();
      if (answer.status === 200) {
        result.accepted.push(number);
      } else {
        result.refused += 1;
        result.refusals.add(
          `${answer.status} ${answer.body}; Retry-After: ${answer.headers.get("retry-after")}`,
        );
      }
    }
  };
  const watch = async (): Promise<void> => {
    while (performance.now() < end) {
      result.mostMemory = Math.max(result.mostMemory, residentBytes(worker.pid));
      result.deepest = Math.max(result.deepest, (await threads(worker.api))[0]?.queued_events ?? 0);
      await Bun.sleep(50);
    }
  };
  await Promise.all([watch(), ...Array.from({ length: PUBLISHERS }, publish)]);
  return result;
}

interface Thread {
  readonly queued_events: number;
  readonly queued_bytes: number;
  readonly lag_ms: number;
}

async function threads(api: Api): Promise<readonly Thread[]> {
  const { body } = await api.get("/internal/status");
  return JSON.parse(body).gateway_threads;
}

for (const target of TARGETS) {
  describe(`more is published than can be delivered (${target.name})`, () => {
    test("what is accepted arrives, the rest is refused, and soon all is as before", async () => {
      await using worker = await startWorker({ target });
      await worker.api.register(TOPIC, true);
      using readers = new Readers(worker, READERS);
      await readers.ready();

      const { accepted, refused, refusals, mostMemory, deepest } = await flood(worker);
      const ended = performance.now();

      await eventually(async () => {
        const [thread] = await threads(worker.api);
        return thread?.queued_events === 0;
      }, "the queue to be empty");
      expect(performance.now() - ended).toBeLessThan(RECOVERY_MS);
      expect(deepest).toBeWithin(1, MAX_DEPTH);
      expect(refused).toBeGreaterThan(0);
      expect([...refusals]).toEqual(["503 overloaded: publish again in a moment; Retry-After: 1"]);
      expect(mostMemory).toBeLessThan(MAX_MEMORY_BYTES);

      let last: ReadersReport | undefined;
      await eventually(async () => {
        last = await readers.report();
        return last.fewest >= accepted.length || last.open < READERS;
      }, "all readers to have all events");
      const lost = worker.log.filter(({ msg }) => msg === "client disconnected");
      expect(lost.map(({ code, reason, duration_ms }) => ({ code, reason, duration_ms }))).toEqual(
        [],
      );
      expect(last?.open).toBe(READERS);
      // Answers of different connections may overtake each other, deliveries may not.
      expect(last?.numbers?.toSorted((a, b) => a - b)).toEqual(accepted.sort((a, b) => a - b));
    });
  });
}
