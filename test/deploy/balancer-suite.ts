import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Certificate, makeCertificate } from "../../tools/cluster/certificate.ts";
import { Child } from "../../tools/cluster/child.ts";
import type { NodePorts } from "../../tools/cluster/ports.ts";
import { startRedis } from "../../tools/cluster/redis.ts";
import { accepts } from "../../tools/cluster/wait.ts";
import { publishBody } from "../support/api.ts";
import { eventually } from "../support/changes.ts";
import { exchange } from "../support/http.ts";
import { freePorts } from "../support/ports.ts";
import { SOURCE_RUN } from "../support/targets.ts";
import { TempDir } from "../support/temp-dir.ts";
import { randomSecret, startWorker, type WorkerProcess } from "../support/worker.ts";
import { Browser } from "./browser.ts";
import { getOverTls } from "./tls-request.ts";

const NODES = 3;

/** Some on every node, whichever way the load balancer counts. */
const BROWSERS = 9;

/** How long starting and stopping everything may take, in milliseconds. */
const HOOK_TIMEOUT_MS = 60_000;

/** How long a worker that stops sends its browsers away, in seconds: longer than a check takes. */
const DRAIN_SECONDS = 8;

/** Longer than a worker is left out that could not be connected to, in milliseconds. */
const LEFT_OUT_MS = 10_000;

/** PHP gives a call one second. */
const PHP_PATIENCE_MS = 1000;

/** What a load balancer is started with. */
export interface Balancing {
  /** A directory of its own. */
  readonly directory: string;
  readonly nodes: readonly NodePorts[];
  /** Its port for browsers, TLS. */
  readonly secure: number;
  /** Its port for PHP. */
  readonly virtual: number;
  readonly certificate: Certificate;
}

/** The command that runs a load balancer in the foreground, with its file of `deploy/`. */
export type BalancerCommand = (options: Balancing) => readonly string[];

/** A load balancer with three workers and a Redis behind it. */
class Stage {
  readonly topic = "contest_session.42";
  #carriersAsked = 0;
  readonly secret = randomSecret();
  readonly workers: WorkerProcess[] = [];
  readonly secure: number;
  readonly virtual: number;
  readonly ca: string;
  readonly #scope: AsyncDisposableStack;
  #config: Readonly<Record<string, string | number>> = {};

  private constructor(ports: { secure: number; virtual: number }, ca: string) {
    this.secure = ports.secure;
    this.virtual = ports.virtual;
    this.ca = ca;
    this.#scope = new AsyncDisposableStack();
  }

  static async start(name: string, command: BalancerCommand): Promise<Stage> {
    const directory = new TempDir();
    const certificate = await makeCertificate(directory.path);
    const { ws: secure, internal: virtual } = freePorts();
    const stage = new Stage({ secure, virtual }, certificate.pem);
    stage.#scope.use(directory);
    try {
      await stage.#start(name, command, directory, certificate);
      return stage;
    } catch (fault) {
      await stage.stop();
      throw fault;
    }
  }

  async #start(
    name: string,
    command: BalancerCommand,
    directory: TempDir,
    certificate: Certificate,
  ): Promise<void> {
    const { ws: redisPort } = freePorts();
    const never = new AbortController().signal;
    this.#scope.use(await startRedis(directory.path, redisPort, never));
    this.#config = {
      redis_url: `redis://127.0.0.1:${redisPort}/0`,
      drain_time: DRAIN_SECONDS,
    };
    for (let started = 0; started < NODES; started += 1) {
      const worker = await startWorker({
        target: SOURCE_RUN,
        secret: this.secret,
        config: this.#config,
      });
      this.workers.push(this.#scope.use(worker));
    }
    await eventually(
      async () => (await this.first.api.status()).cluster_nodes === NODES,
      "a cluster",
    );
    const balancer = new Child({
      name,
      command: command({
        directory: directory.path,
        nodes: this.workers.map(({ ports }) => ports),
        secure: this.secure,
        virtual: this.virtual,
        certificate,
      }),
      log: directory.file("balancer.log"),
    });
    this.#scope.use(balancer);
    await eventually(async () => {
      balancer.assertRunning();
      return (await accepts(this.secure)) && (await accepts(this.virtual));
    }, `${name} to listen`);
    await this.first.api.register(this.topic, true);
  }

  get first(): WorkerProcess {
    const [first] = this.workers;
    if (first === undefined) {
      throw new Error("no worker has started");
    }
    return first;
  }

  browser(): Promise<Browser> {
    const { topic, secret, ca } = this;
    const endpoint = `wss://localhost:${this.secure}/worker/ws`;
    return Browser.subscribe({ endpoint, topic, secret, ca });
  }

  /** The worker that PHP's calls go to. */
  async carrier(): Promise<WorkerProcess> {
    this.#carriersAsked += 1;
    const topic = `whose.log.is.it.${this.#carriersAsked}`;
    const body = JSON.stringify({ topic });
    expect(await this.php("/internal/register", body)).toBe(200);
    return await eventually(() => {
      return this.workers.find(({ log }) => log.some((line) => line["topic"] === topic));
    }, "the registration in a log");
  }

  /** One call as PHP makes it, to the virtual address. */
  async php(path: string, body: string): Promise<number> {
    const answer = await exchange(this.virtual, { path, secret: this.secret, body });
    return answer.status;
  }

  /** Starts the worker that was killed again, where it was. */
  async revive(): Promise<WorkerProcess> {
    const index = this.workers.findIndex(({ program }) => program.hasEnded);
    const dead = this.workers[index];
    if (dead === undefined) {
      throw new Error("no worker has ended");
    }
    const { secret, ports } = dead;
    const options = { target: SOURCE_RUN, secret, ports, config: this.#config };
    const worker = await startWorker(options);
    this.workers[index] = this.#scope.use(worker);
    return worker;
  }

  async stop(): Promise<void> {
    await this.#scope.disposeAsync();
  }
}

/**
 * What every load balancer of `deploy/` must do; the tests build on each other.
 *
 * @param asksWorkers Whether it asks workers how they do, and does not only see who is there.
 */
export function balancerSuite(name: string, command: BalancerCommand, asksWorkers: boolean): void {
  describe(name, () => {
    let running: Stage | undefined;
    const stage = (): Stage => {
      if (running === undefined) {
        throw new Error("nothing has started");
      }
      return running;
    };
    const browsers: Browser[] = [];

    beforeAll(async () => {
      running = await Stage.start(name, command);
    }, HOOK_TIMEOUT_MS);
    afterAll(async () => {
      for (const browser of browsers) {
        browser[Symbol.dispose]();
      }
      await running?.stop();
    }, HOOK_TIMEOUT_MS);

    test("lets browsers in by TLS and the prefix, some on every node", async () => {
      for (let opened = 0; opened < BROWSERS; opened += 1) {
        browsers.push(await stage().browser());
      }
      for (const worker of stage().workers) {
        await worker.socketsReach(BROWSERS / NODES);
      }
    });

    test("an event published at any node reaches every browser once", async () => {
      for (const [index, { api }] of stage().workers.entries()) {
        await api.publish(stage().topic, `{"from":${index}}`);
      }
      const expected = stage().workers.map(
        (_, index) => `{"type":"push","payload":{"from":${index}}}`,
      );
      for (const browser of browsers) {
        await browser.framesReach(NODES);
      }
      // A marker from the first node comes after everything else from it.
      await stage().first.api.publish(stage().topic, '"end"');
      for (const browser of browsers) {
        const frames = await browser.framesReach(NODES + 1);
        expect(frames.slice(0, NODES).toSorted()).toEqual(expected);
        expect(frames.slice(NODES)).toEqual(['{"type":"push","payload":"end"}']);
        browser.frames.length = 0;
      }
    });

    test("the log has the client's address, not the proxy's and not what the client claims", async () => {
      const answer = await getOverTls({
        port: stage().secure,
        path: "/worker/ws?topic=nobody",
        ca: stage().ca,
        from: "127.0.0.7",
        headers: ["X-Forwarded-For: 203.0.113.9"],
      });
      expect(answer).toStartWith("HTTP/1.1 404");
      expect(answer).toEndWith("topic not registered");
      const addresses = await eventually(() => {
        const found = stage()
          .workers.flatMap(({ log }) => log)
          .filter(({ msg, topic }) => msg === "handshake refused" && topic === "nobody")
          .map(({ address }) => address);
        return found.length > 0 && found;
      }, "the refusal in a log");
      expect(addresses).toEqual(["127.0.0.7"]);
    });

    test("PHP's address carries a payload of 1 MiB, and the worker's own answers", async () => {
      const { topic, secret, virtual } = stage();
      const room = 1024 * 1024 - publishBody(topic, '""').length;
      expect(
        await stage().php("/internal/publish", publishBody(topic, `"${"x".repeat(room)}"`)),
      ).toBe(200);
      expect(await stage().php("/internal/publish", publishBody("nobody", "1"))).toBe(404);
      const forbidden = await exchange(virtual, { path: "/internal/status", secret: `${secret}x` });
      expect(forbidden.status).toBe(403);
      for (const browser of browsers) {
        const [frame = ""] = await browser.framesReach(1);
        expect(frame).toHaveLength('{"type":"push","payload":""}'.length + room);
        browser.frames.length = 0;
      }
    });

    test("PHP's address still answers in time, and in order, when its worker is killed", async () => {
      const carrier = await stage().carrier();
      await carrier.kill();
      const survivors = await eventually(() => {
        const open = browsers.filter((browser) => !browser.isClosed);
        return open.length === (BROWSERS / NODES) * (NODES - 1) && open;
      }, "the browsers of the killed worker to be cut off");
      for (const number of [1, 2, 3, 4, 5]) {
        const start = performance.now();
        const body = publishBody(stage().topic, `{"number":${number}}`);
        expect(await stage().php("/internal/publish", body)).toBe(200);
        expect(performance.now() - start).toBeLessThan(PHP_PATIENCE_MS);
      }
      const expected = [1, 2, 3, 4, 5].map(
        (number) => `{"type":"push","payload":{"number":${number}}}`,
      );
      for (const browser of survivors) {
        // In PHP's order: all went through one worker.
        expect(await browser.framesReach(expected.length)).toEqual(expected);
      }
    });

    test("browsers of the killed worker are let in by the others", async () => {
      const again: Browser[] = [];
      for (let opened = 0; opened < BROWSERS / NODES; opened += 1) {
        again.push(await stage().browser());
      }
      browsers.push(...again);
      expect(await stage().php("/internal/publish", publishBody(stage().topic, '"back"'))).toBe(
        200,
      );
      for (const browser of again) {
        expect(await browser.framesReach(1)).toEqual(['{"type":"push","payload":"back"}']);
      }
    });

    test("a worker that is back gets browsers again, as many as come", async () => {
      const worker = await stage().revive();
      const sockets = async () => (await worker.api.status()).connected_sockets;
      // It may be left out for some time.
      await eventually(
        async () => {
          browsers.push(await stage().browser());
          return (await sockets()) > 0;
        },
        "the first browser",
        LEFT_OUT_MS,
      );
      // The others have shared all browsers until now: until it has as many, everybody is sent there.
      const before = await sockets();
      for (let opened = 0; opened < BROWSERS / NODES; opened += 1) {
        browsers.push(await stage().browser());
      }
      await worker.socketsReach(before + BROWSERS / NODES);
    });

    if (asksWorkers) {
      test("a worker on its way out gets no call of PHP's any more, though it still answers", async () => {
        const leaving = await stage().carrier();
        expect((await leaving.api.post("/internal/drain", "")).status).toBe(200);
        await eventually(async () => (await stage().carrier()) !== leaving, "another carrier");
        expect((await leaving.api.status()).status).toBe("ok");
      });
    }
  });
}
