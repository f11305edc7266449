import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { crc32 } from "node:zlib";
import { eventually } from "./support/changes.ts";
import { type LightOptions, type LightSocket, subscribeMany } from "./support/light-socket.ts";
import { scrape } from "./support/metrics.ts";
import { TARGETS } from "./support/targets.ts";
import { makeToken } from "./support/token.ts";
import { type LogLine, startWorker } from "./support/worker.ts";

setDefaultTimeout(120_000);

const GOOD = 1000;
const STALLED = 50;

const MIB = 1024 * 1024;
const EVENT_BYTES = 64 * 1024;

/** What the kernel keeps of an unread connection, some 4 MiB, and what the worker does, and more. */
const EVENTS = (8 * MIB) / EVENT_BYTES;

/** By how many events the worker may be ahead of a reader that is good, though this machine is busy. */
const AHEAD = 8;

/** How long everything may take to arrive, on a busy machine. */
const ARRIVAL_MS = 60_000;

const TOPIC = "contest_session.42";
const USER = 7;

function payloadOf(event: number): string {
  return `"${String(event).padEnd(EVENT_BYTES, "x")}"`;
}

function isSlowReader({ msg, reason }: LogLine): boolean {
  return msg === "client disconnected" && reason === "slow reader";
}

for (const target of TARGETS) {
  describe(`${GOOD} good readers and ${STALLED} that have stalled (${target.name})`, () => {
    for (const gateway_threads of target === TARGETS[0] ? [1] : [2]) {
      test(`the good ones get everything, the others are closed and told of, threads: ${gateway_threads}`, async () => {
        await using worker = await startWorker({ target, config: { gateway_threads } });
        const { api, ports, secret } = worker;
        await api.register(TOPIC, true);
        const subscribe = (count: number, user_id: number, network: string, stalls: boolean) =>
          subscribeMany(count, (index) => ({
            port: ports.ws,
            topic: TOPIC,
            token: makeToken(secret, TOPIC, { user_id }),
            headers: [["X-Forwarded-For", `${network}.${index % 250}`]],
            stalls,
          }));
        const good = await subscribe(GOOD, 1, "198.51.100", false);
        const stalled = await subscribe(STALLED, USER, "203.0.113", true);
        await worker.socketsReach(GOOD + STALLED);

        let expected = 0;
        for (let event = 0; event < EVENTS; event += 1) {
          await api.publish(TOPIC, payloadOf(event));
          expected = crc32(`{"type":"push","payload":${payloadOf(event)}}`, expected);
          await eventually(
            () => good.every(({ frames, isClosed }) => frames >= event - AHEAD || isClosed),
            "the good ones to read",
            ARRIVAL_MS,
          );
        }

        await eventually(
          () => good.every(({ frames, isClosed }) => frames === EVENTS || isClosed),
          "everything to arrive",
          ARRIVAL_MS,
        );
        // Every event, byte for byte, in order.
        expect(good.filter(({ isClosed }) => isClosed).length).toBe(0);
        expect(good.filter(({ checksum }) => checksum !== expected).length).toBe(0);

        await worker.socketsReach(GOOD);
        const lines = worker.log.filter(isSlowReader);
        expect(lines.length).toBe(STALLED);
        for (const line of lines) {
          expect(line).toMatchObject({
            topic: TOPIC,
            user: USER,
            code: 1006,
            address: expect.stringMatching(/^203\.0\.113\.\d+$/),
          });
          expect(line["buffered"]).toBeWithin(MIB, 2 * MIB);
        }
        expect(lines.filter(({ level }) => level === "warn").length).toBeGreaterThan(0);
        expect((await api.status()).slow_readers).toBe(STALLED);
        const series = await scrape(worker);
        expect(series.get("wavelog_worker_slow_readers_total")).toBe(STALLED);
        expect(series.get('wavelog_worker_closes_total{code="1006",reason="slow_reader"}')).toBe(
          STALLED,
        );

        await api.publish(TOPIC, '"end"');
        await eventually(
          () => good.every(({ frames }) => frames === EVENTS + 1),
          "one more event to arrive",
          ARRIVAL_MS,
        );
        dispose([...good, ...stalled]);
        await worker.socketsReach(0);
        expect((await api.status()).slow_readers).toBe(STALLED);
        expect(worker.log.filter(isSlowReader).length).toBe(STALLED);
      });
    }
  });
}

for (const target of TARGETS) {
  test(`max_buffered decides what a slow reader is; a connection that breaks is none (${target.name})`, async () => {
    const max_buffered = 65_536;
    await using worker = await startWorker({ target, config: { max_buffered } });
    await worker.api.register(TOPIC);
    using good = await worker.subscribe(TOPIC, undefined, from("198.51.100.1"));
    using breaking = await worker.subscribe(TOPIC, undefined, from("198.51.100.2"));
    using stalled = await worker.subscribe(TOPIC, undefined, from("203.0.113.1"));
    stalled.tcp.pause();
    for (let event = 0; event < EVENTS; event += 1) {
      await worker.api.publish(TOPIC, payloadOf(event));
      await good.framesReach(event + 2);
      await breaking.framesReach(event + 2);
    }
    breaking.reset();
    const ends = await worker.logged("client disconnected", 2);
    expect(ends[0]).toMatchObject({
      level: "warn",
      address: "203.0.113.1",
      reason: "slow reader",
    });
    expect(ends[0]?.["buffered"]).toBeWithin(max_buffered, 3 * EVENT_BYTES);
    expect(ends[1]).toMatchObject({ level: "info", address: "198.51.100.2", reason: "" });
    expect(ends[1]).not.toHaveProperty("buffered");
    expect((await worker.api.status()).slow_readers).toBe(1);
    expect(good.close).toBeUndefined();
  });
}

/** What a proxy on this machine says of a client. */
function from(address: string): Pick<LightOptions, "headers"> {
  return { headers: [["X-Forwarded-For", address]] };
}

function dispose(sockets: readonly LightSocket[]): void {
  for (const socket of sockets) {
    socket[Symbol.dispose]();
  }
}
