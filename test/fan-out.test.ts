import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { publishBody } from "./support/api.ts";
import { HttpClient } from "./support/http.ts";
import { TARGETS } from "./support/targets.ts";
import { makeToken } from "./support/token.ts";
import { startWorker, type WorkerProcess } from "./support/worker.ts";
import type { WsClient } from "./support/ws-client.ts";

setDefaultTimeout(120_000);

const TOPICS = 50;
const SOCKETS_PER_TOPIC = 40;
const PUBLISHERS = 8;
/** Of each publisher, on each topic. */
const EVENTS = 10;

/** Connections that are opened at once: fewer than a queue for newcomers holds. */
const OPENING_AT_ONCE = 250;

const topicName = (index: number): string => `contest_session.${index}`;

/** What a publisher sends: text of different lengths, so that no two frames look alike. */
function payloadOf(publisher: number, topic: number, event: number): string {
  const filling = "x".repeat((publisher * 7 + event * 131) % 900);
  return JSON.stringify({ publisher, topic, event, filling });
}

/** Opens all sockets, in no order of topics, and returns them by topic. */
async function openAll(worker: WorkerProcess): Promise<WsClient[][]> {
  const byTopic: WsClient[][] = Array.from({ length: TOPICS }, () => []);
  const todo = Array.from({ length: TOPICS * SOCKETS_PER_TOPIC }, (_, index) => index % TOPICS);
  const openSome = async (): Promise<void> => {
    for (let topic = todo.pop(); topic !== undefined; topic = todo.pop()) {
      const token = makeToken(worker.secret, topicName(topic));
      byTopic[topic]?.push(await worker.subscribe(topicName(topic), token));
    }
  };
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, openSome));
  return byTopic;
}

/** One publisher's work: every topic in turn, over a connection of its own, each answer awaited. */
async function publishAll(worker: WorkerProcess, publisher: number): Promise<void> {
  using client = await HttpClient.connect(worker.ports.internal);
  for (let event = 0; event < EVENTS; event += 1) {
    for (let step = 0; step < TOPICS; step += 1) {
      // Each begins elsewhere, so that they meet on different topics.
      const topic = (step + publisher * 6) % TOPICS;
      client.send({
        path: "/internal/publish",
        secret: worker.secret,
        body: publishBody(topicName(topic), payloadOf(publisher, topic, event)),
      });
      const { status, body } = await client.answer();
      if (status !== 200) {
        throw new Error(`publish: ${status} ${body}`);
      }
    }
  }
}

for (const target of TARGETS) {
  for (const gateway_threads of [1, 3]) {
    describe(`2,000 browsers on 50 topics, gateway threads: ${gateway_threads} (${target.name})`, () => {
      test("each gets exactly what its topic got, in order", async () => {
        await using worker = await startWorker({ target, config: { gateway_threads } });
        for (let topic = 0; topic < TOPICS; topic += 1) {
          await worker.api.register(topicName(topic), true);
        }
        const byTopic = await openAll(worker);
        try {
          await worker.socketsReach(TOPICS * SOCKETS_PER_TOPIC);
          expect(await worker.api.status()).toMatchObject({
            registered_topics: TOPICS + 1,
            active_topics: TOPICS,
            connected_clients: 1,
          });

          const publishers = Array.from({ length: PUBLISHERS }, (_, index) => index);
          await Promise.all(publishers.map((publisher) => publishAll(worker, publisher)));
          // Whatever were too much would have come before these.
          for (let topic = 0; topic < TOPICS; topic += 1) {
            await worker.api.publish(topicName(topic), '"end"');
          }

          const count = 1 + PUBLISHERS * EVENTS + 1;
          for (const [topic, sockets] of byTopic.entries()) {
            expect(sockets.length).toBe(SOCKETS_PER_TOPIC);
            const [first, ...others] = sockets;
            const frames = (await first?.framesReach(count)) ?? [];
            checkFrames(frames, topic);
            for (const socket of others) {
              // The same bytes in the same order for everyone.
              expect(Bun.deepEquals(await socket.framesReach(count), frames)).toBe(true);
            }
          }
          expect(byTopic.flat().filter(({ close }) => close !== undefined)).toEqual([]);
        } finally {
          for (const socket of byTopic.flat()) {
            socket[Symbol.dispose]();
          }
        }
        await worker.socketsReach(0);
        expect(await worker.stop()).toBe(0);
        expect(worker.log.filter(({ level }) => level === "error" || level === "fatal")).toEqual(
          [],
        );
      });
    });
  }
}

/** Every event of the topic once, those of each publisher in its own order. */
function checkFrames(frames: readonly string[], topic: number): void {
  const pushes = frames.slice(1, -1);
  expect([frames[0], frames.at(-1)]).toEqual([
    '{"type":"auth_ok"}',
    '{"type":"push","payload":"end"}',
  ]);
  for (let publisher = 0; publisher < PUBLISHERS; publisher += 1) {
    const own = pushes.filter((frame) => frame.includes(`"publisher":${publisher},`));
    expect(own).toEqual(
      Array.from({ length: EVENTS }, (_, event) => {
        return `{"type":"push","payload":${payloadOf(publisher, topic, event)}}`;
      }),
    );
  }
}
