import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "./support/changes.ts";
import type { HttpAnswer } from "./support/http.ts";
import { Program } from "./support/program.ts";
import { TARGETS, withFileLimit } from "./support/targets.ts";
import { LOOPBACK, TcpClient } from "./support/tcp-client.ts";
import { type LogLine, startWorker, type WorkerProcess } from "./support/worker.ts";
import {
  topicTarget,
  upgradeAnswer,
  upgradeRequest,
  type WsClient,
  type WsOptions,
} from "./support/ws-client.ts";

setDefaultTimeout(60_000);

const LIMITS = {
  max_connections: 12,
  max_connections_per_ip: 6,
  max_pending: 8,
  max_pending_per_ip: 4,
};

const TOPIC = "contest_session.42";

const TOO_MANY_CONNECTIONS = "too many connections: try again later";
const TOO_MANY_HANDSHAKES = "too many handshakes: try again later";

type Headers = NonNullable<WsOptions["headers"]>;

/** What a proxy on this machine says of a client. */
function from(address: string): { headers: Headers } {
  return { headers: [["X-Forwarded-For", address]] };
}

/** The answer to an upgrade request that is not granted, and whether the connection is closed. */
async function refusal(
  worker: WorkerProcess,
  target: string,
  headers: Headers = [],
): Promise<HttpAnswer & { readonly isClosed: boolean }> {
  using client = await TcpClient.connect(worker.ports.ws);
  client.write(upgradeRequest(target, headers));
  const answer = await upgradeAnswer(client);
  if (answer.status === 503) {
    await client.ended();
  }
  return { ...answer, isClosed: client.isEnded };
}

async function expectTooMany(
  worker: WorkerProcess,
  address: string,
  limit: string,
  text: string,
): Promise<void> {
  const before = (await worker.api.status()).refusals[limit] ?? 0;
  const answer = await refusal(worker, topicTarget(TOPIC), from(address).headers);
  expect(answer).toMatchObject({ status: 503, body: text, isClosed: true });
  expect(answer.headers.get("retry-after")).toBe("1");
  expect((await worker.api.status()).refusals[limit]).toBe(before + 1);
  const reason = `${limit} reached`;
  const line = await worker.stdout.until(
    (lines) => lines.find((text) => text.includes(reason)),
    "the refusal in the log",
  );
  expect(JSON.parse(line)).toMatchObject({
    level: "warn",
    topic: TOPIC,
    address,
    reason,
    advice: expect.stringMatching(/^raise it/),
    msg: "handshake refused",
  });
}

/** Waits until a socket gets in again, and leaves it open. */
function getsIn(worker: WorkerProcess, address: string): Promise<WsClient> {
  const open = () => worker.subscribe(TOPIC, undefined, from(address));
  return eventually(open, "a socket to get in");
}

/** Sockets of a test, closed at its end. */
class Crowd implements Disposable {
  readonly sockets: WsClient[] = [];

  async come(count: number, open: (index: number) => Promise<WsClient>): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      this.sockets.push(await open(index));
    }
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) {
      socket.reset();
    }
  }
}

for (const target of TARGETS) {
  for (const gateway_threads of [1, 2]) {
    describe(`limits, gateway threads: ${gateway_threads} (${target.name})`, () => {
      /** A worker of its own for each test, so that none sees what another has left behind. */
      const start = async (): Promise<WorkerProcess> => {
        const worker = await startWorker({ target, config: { gateway_threads, ...LIMITS } });
        await worker.api.register(TOPIC);
        return worker;
      };

      test("max_pending_per_ip: so many handshakes of one address, others are not concerned", async () => {
        await using worker = await start();
        using crowd = new Crowd();
        await crowd.come(4, () => worker.open(TOPIC, from("203.0.113.1")));
        await expectTooMany(worker, "203.0.113.1", "max_pending_per_ip", TOO_MANY_HANDSHAKES);
        using other = await worker.subscribe(TOPIC, undefined, from("203.0.113.2"));
        // The proxy itself stands for many.
        using proxy = await worker.subscribe(TOPIC);
        // Once one is through, the next may begin.
        crowd.sockets[0]?.sendAuth();
        expect(await crowd.sockets[0]?.nextFrame()).toBe('{"type":"auth_ok"}');
        using next = await worker.open(TOPIC, from("203.0.113.1"));
        expect([other, proxy, next].map(({ close }) => close)).toEqual([
          undefined,
          undefined,
          undefined,
        ]);
      });

      test("max_connections_per_ip: so many sockets of one address, a new one when one leaves", async () => {
        await using worker = await start();
        using crowd = new Crowd();
        const address = "2001:db8:1:2::1";
        await crowd.come(6, () => worker.subscribe(TOPIC, undefined, from(address)));
        // All addresses of its network are one client.
        const sibling = "2001:db8:1:2:ffff::9";
        const [limit, text] = ["max_connections_per_ip", TOO_MANY_CONNECTIONS];
        await expectTooMany(worker, sibling, limit, text);
        using other = await worker.subscribe(TOPIC, undefined, from("2001:db8:1:3::1"));
        expect(other.close).toBeUndefined();
        crowd.sockets[0]?.sendClose();
        using next = await getsIn(worker, address);
        expect(next.close).toBeUndefined();
      });

      test("max_pending: so many handshakes in all", async () => {
        await using worker = await start();
        using crowd = new Crowd();
        await crowd.come(8, (index) => worker.open(TOPIC, from(`203.0.113.${index}`)));
        const [limit, text] = ["max_pending", TOO_MANY_HANDSHAKES];
        await expectTooMany(worker, "203.0.113.99", limit, text);
        crowd.sockets[3]?.reset();
        using next = await getsIn(worker, "203.0.113.99");
        expect(next.close).toBeUndefined();
      });

      test("max_connections: so many sockets in all", async () => {
        await using worker = await start();
        using crowd = new Crowd();
        await crowd.come(12, (index) =>
          worker.subscribe(TOPIC, undefined, from(`203.0.113.${index}`)),
        );
        const [limit, text] = ["max_connections", TOO_MANY_CONNECTIONS];
        await expectTooMany(worker, "203.0.113.99", limit, text);
        // Those who are in notice nothing.
        await worker.api.publish(TOPIC, "1");
        for (const socket of crowd.sockets) {
          await socket.framesReach(2);
        }
        crowd.sockets[5]?.sendClose();
        using next = await getsIn(worker, "203.0.113.99");
        expect(next.close).toBeUndefined();
      });

      test("everything is given back, whatever became of a handshake", async () => {
        await using worker = await start();
        const STORIES: readonly ((address: string) => Promise<unknown>)[] = [
          async (address) => refusal(worker, topicTarget("nobody"), from(address).headers),
          async (address) => refusal(worker, "/ws", from(address).headers),
          async (address) => refusal(worker, topicTarget("x".repeat(1025)), from(address).headers),
          async (address) => {
            // No upgrade at all.
            using client = await TcpClient.connect(worker.ports.ws);
            client.write(
              `GET ${topicTarget(TOPIC)} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${address}\r\n\r\n`,
            );
            expect((await upgradeAnswer(client)).status).toBe(426);
          },
          async (address) => {
            // Gone before the answer.
            using client = await TcpClient.connect(worker.ports.ws);
            client.write(upgradeRequest(topicTarget(TOPIC), from(address).headers));
            client.reset();
          },
          async (address) => {
            using socket = await worker.open(TOPIC, from(address));
            socket.reset();
          },
          async (address) => {
            using socket = await worker.open(TOPIC, from(address));
            socket.sendText("hello");
            await socket.closed();
          },
          async (address) => {
            using socket = await worker.open(TOPIC, from(address));
            socket.sendText("x".repeat(5000));
            await socket.closed();
          },
          async (address) => {
            using socket = await worker.subscribe(TOPIC, undefined, from(address));
            socket.reset();
          },
          async (address) => {
            using socket = await worker.subscribe(TOPIC, undefined, from(address));
            socket.sendClose();
            await socket.closed();
          },
        ];
        for (let round = 0; round < 20; round += 1) {
          for (const story of STORIES) {
            await eventually(async () => {
              await story("203.0.113.7");
              return true;
            }, "a place for the next one");
          }
        }
        // The last of them may still be on its way out; then as many as ever get in.
        using crowd = await eventually(async () => {
          const all = new Crowd();
          try {
            await all.come(4, () => worker.open(TOPIC, from("203.0.113.7")));
            await all.come(4, () => worker.open(TOPIC, from("203.0.113.8")));
            return all;
          } catch (fault) {
            all[Symbol.dispose]();
            throw fault;
          }
        }, "everything to be given back");
        for (const socket of crowd.sockets) {
          socket.sendAuth();
          await socket.nextFrame();
        }
        await crowd.come(4, (index) => worker.open(TOPIC, from(`203.0.113.${index}`)));
      });

      test("a flood of refusals is counted to the last one, and logged at a bounded rate", async () => {
        await using worker = await start();
        using crowd = new Crowd();
        await crowd.come(12, (index) =>
          worker.subscribe(TOPIC, undefined, from(`203.0.113.${index}`)),
        );
        const before = (await worker.api.status()).refusals["max_connections"] ?? 0;
        const linesBefore = worker.log.length;
        for (let round = 0; round < 10; round += 1) {
          await Promise.all(
            Array.from({ length: 50 }, async () => {
              const { headers } = from("203.0.113.99");
              expect((await refusal(worker, topicTarget(TOPIC), headers)).status).toBe(503);
            }),
          );
        }
        expect((await worker.api.status()).refusals["max_connections"]).toBe(before + 500);
        expect(worker.log.length - linesBefore).toBeLessThan(50);
      });
    });
  }

  describe(`before the upgrade (${target.name})`, () => {
    test("URLs and topics that are too long are refused and counted", async () => {
      await using worker = await startWorker({ target });
      // Every byte of the longest topic written as three.
      const longest = "\u00e9".repeat(512);
      await worker.api.register(longest);
      using socket = await worker.subscribe(longest);
      expect(socket.close).toBeUndefined();
      const long = await refusal(worker, topicTarget(`${longest}x`));
      expect(long).toMatchObject({
        status: 400,
        body: "topic too long: at most 1024 bytes of UTF-8",
      });
      const url = await refusal(worker, `${topicTarget("a")}&x=${"y".repeat(8192)}`);
      expect(url).toMatchObject({ status: 414, body: "URI too long" });
      const head = await refusal(worker, `${topicTarget("a")}&x=${"y".repeat(20_000)}`).catch(
        (fault: unknown) => String(fault),
      );
      expect(typeof head === "string" ? head : head.status).toBe(431);
      expect((await worker.api.status()).refusals).toMatchObject({
        bad_request: 1,
        url_too_long: 1,
      });
    });

    test("refusals have their causes", async () => {
      await using worker = await startWorker({
        target,
        config: { allowed_origins: ["https://log.example.org"] },
      });
      await worker.api.register("a", true);
      expect((await refusal(worker, topicTarget("nobody"))).status).toBe(404);
      expect((await refusal(worker, "/other")).status).toBe(404);
      const foreign = await refusal(worker, topicTarget("a"), [
        ["Origin", "https://evil.example.org"],
      ]);
      expect(foreign.status).toBe(403);
      using socket = await worker.open("a");
      socket.sendAuth("forged");
      await socket.closed();
      using gone = await worker.open("a");
      gone.reset();
      const lines = await worker.logged("handshake refused", 5);
      expect(lines.find(({ reason }) => reason === "origin not allowed")).toMatchObject({
        advice: "add it to allowed_origins if the page is yours",
      });
      expect((await worker.api.status()).refusals).toEqual({
        max_connections: 0,
        max_connections_per_ip: 0,
        max_pending: 0,
        max_pending_per_ip: 0,
        url_too_long: 0,
        bad_request: 1,
        origin: 1,
        topic_not_registered: 1,
        auth: 1,
        handshake_timeout: 0,
        closed_before_auth: 1,
      });
    });

    test("forwarding headers of a peer that is no trusted proxy are ignored, and told of once", async () => {
      await using worker = await startWorker({
        target,
        config: { trusted_proxies: ["10.0.0.0/8"], max_pending_per_ip: 2 },
      });
      await worker.api.register("a");
      using one = await worker.open("a", from("203.0.113.1"));
      using two = await worker.open("a", from("203.0.113.2"));
      // So this machine is one client, whatever it claims.
      const third = await refusal(worker, topicTarget("a"), from("203.0.113.3").headers);
      expect(third.status).toBe(503);
      one.sendAuth();
      two.sendAuth();
      const lines = await worker.logged("client connected", 2);
      expect(lines.map(({ address }) => address)).toEqual([LOOPBACK, LOOPBACK]);
      const isTold = ({ msg }: LogLine): boolean => msg.startsWith("X-Forwarded-For ignored");
      const told = worker.log.filter(isTold);
      expect(told).toMatchObject([{ level: "warn", address: LOOPBACK }]);
      expect(told[0]?.msg).toContain("trusted_proxies");
    });
  });

  describe(`a file limit that is too small (${target.name})`, () => {
    test("for max_connections is told at the start with what to do, and holds", async () => {
      await using worker = await startWorker({
        target: withFileLimit(target, 200),
        config: { max_connections: 5000 },
      });
      await worker.logged("wavelog worker started");
      const [line] = worker.log;
      expect(line).toMatchObject({ level: "warn" });
      expect(line?.msg).toStartWith(
        "the file limit of 200 leaves room for 8 browsers, less than max_connections (5000); raise it to 5264: LimitNOFILE=5264",
      );
      await worker.api.register("a");
      using crowd = new Crowd();
      await crowd.come(8, () => worker.subscribe("a"));
      expect((await refusal(worker, topicTarget("a"))).status).toBe(503);
    });

    test("for much is told at the start though nothing was set", async () => {
      await using worker = await startWorker({ target: withFileLimit(target, 500) });
      await worker.logged("wavelog worker started");
      expect(worker.log[0]?.msg).toStartWith(
        "the file limit of 500 leaves room for 308 browsers; raise it to 65536",
      );
    });

    test("for anything ends it with one line", async () => {
      const env = { WAVELOG_WORKER_WORKER_SECRET: "x".repeat(32) };
      const command = [...withFileLimit(target, 150).command(), "serve"];
      await using program = new Program(command, { env, cwd: "/" });
      expect(await program.exit()).toBe(1);
      expect(program.stderr.all).toEqual([
        expect.stringMatching(
          /^wavelog_worker: the file limit of 150 leaves room for no browser; raise it to 65536: /,
        ),
      ]);
    });
  });
}
