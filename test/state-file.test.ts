import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BrowserClient } from "./browser/browser-rules.ts";
import { publishBody } from "./support/api.ts";
import { eventually, rejection } from "./support/changes.ts";
import { freePorts } from "./support/ports.ts";
import { Program } from "./support/program.ts";
import { TARGETS, type Target } from "./support/targets.ts";
import { LOOPBACK } from "./support/tcp-client.ts";
import { TempDir } from "./support/temp-dir.ts";
import { makeToken } from "./support/token.ts";
import { configText, randomSecret, startWorker, WorkerProcess } from "./support/worker.ts";
import { topicTarget } from "./support/ws-client.ts";

setDefaultTimeout(40_000);

/** A restart that is worth its name, on a machine that does much else. */
const PROMPT_MS = 2500;

/** A page of Wavelog that watches a topic. */
class Page implements Disposable {
  readonly heard: unknown[] = [];
  readonly client: BrowserClient;

  constructor(worker: WorkerProcess, topic: string) {
    this.client = new BrowserClient({
      url: `ws://${LOOPBACK}:${worker.ports.ws}${topicTarget(topic)}`,
      token: makeToken(worker.secret, topic),
      onPush: (payload) => this.heard.push(payload),
      onState: () => undefined,
    });
    this.client.connect();
  }

  async live(): Promise<void> {
    await eventually(() => this.client.state === "live", "the page to be live");
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

/** What a worker that runs has logged about its state file. */
function stateLines(worker: WorkerProcess): readonly string[] {
  return worker.log.filter(({ msg }) => msg.startsWith("state file:")).map(({ msg }) => msg);
}

/** What it has logged about it that is no good. */
function stateFaults(worker: WorkerProcess): readonly object[] {
  return worker.log
    .filter(({ level, msg }) => level !== "info" && msg.startsWith("state file:"))
    .map(({ msg, reason }) => ({ msg, reason }));
}

/** Whether a handshake without a token is enough. */
async function isOpen(worker: WorkerProcess, topic: string): Promise<boolean> {
  using socket = await worker.open(topic);
  socket.sendAuth();
  return (await socket.nextFrame()) === '{"type":"auth_ok"}';
}

/** The program without root's privilege of writing where permissions forbid it. */
function bound(target: Target): Target {
  const drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"];
  const isRoot = process.getuid?.() === 0;
  return { name: target.name, command: () => [...(isRoot ? drop : []), ...target.command()] };
}

for (const target of TARGETS) {
  /** Starts a worker with this state file, in the place of another if there is one. */
  const start = (
    path: string,
    before?: WorkerProcess,
    config: Readonly<Record<string, unknown>> = {},
  ): Promise<WorkerProcess> =>
    startWorker({
      target,
      config: { state_file: path, ...config },
      ...(before === undefined ? {} : { ports: before.ports, secret: before.secret }),
    });

  describe(`state file (${target.name})`, () => {
    for (const [how, signal] of [
      ["stopped", "SIGTERM"],
      ["killed", "SIGKILL"],
    ] as const) {
      test(`${how} and started again: pages come back by themselves, topics are what they were`, async () => {
        using dir = new TempDir();
        const path = dir.file("topics.state");
        await using first = await start(path);
        const { api } = first;
        await api.register("closed", true);
        await api.register("open", false);
        await api.register("changed", false);
        await api.register("changed", true);
        await api.register("removed", false);
        await api.unregister("removed");
        using page = new Page(first, "closed");
        await page.live();
        // Right after the answer: it was in the file before.
        await api.register("last", false);
        expect(await first.stop(signal)).toBe(signal === "SIGTERM" ? 0 : signal);

        await using second = await start(path, first);
        await page.live();
        expect(page.client.retries).toBeLessThan(4);
        await second.api.publish("closed", '"after the restart"');
        await eventually(() => page.heard.length > 0, "the event");
        expect(page.heard).toEqual(["after the restart"]);

        const { topic_list: topics = [] } = await second.api.status("?topics=1");
        expect(topics.toSorted()).toEqual(["changed", "closed", "last", "open", "worker.status"]);
        expect(await isOpen(second, "open")).toBe(true);
        expect(await isOpen(second, "closed")).toBe(false);
        expect(await isOpen(second, "changed")).toBe(false);
        expect(await rejection(second.open("removed"))).toContain("404");
        const body = publishBody("removed", "1");
        expect((await second.api.post("/internal/publish", body)).status).toBe(404);
        expect(stateLines(second)).toEqual(["state file: opened"]);
        expect(second.log.find(({ msg }) => msg === "state file: opened")).toMatchObject({
          level: "info",
          file: path,
          topics: 4,
        });
        expect(await second.stop()).toBe(0);
        expect(second.program.stdout.text).not.toContain(second.secret);
      });
    }

    test("the TTL goes on, and does not start anew", async () => {
      using dir = new TempDir();
      const path = dir.file("topics.state");
      const hour = 3_600_000;
      /** Does something with a file that no worker has open. */
      const query = (sql: string, ...values: number[]): unknown[] => {
        const db = new Database(path, { readwrite: true });
        try {
          return db
            .query(sql)
            .values(...values)
            .flat();
        } finally {
          db.close();
        }
      };
      await using first = await start(path);
      const before = Date.now();
      await first.api.register("a");
      const after = Date.now();
      await first.kill();
      const expiry = query("SELECT expires_at FROM topics");
      // The default of 24 h, and a 24th of it.
      expect(expiry).toEqual([expect.any(Number)]);
      expect(expiry[0]).toBeWithin(before + 25 * hour, after + 25 * hour + 2);

      await using second = await start(path, first);
      expect(await second.stop()).toBe(0);
      expect(query("SELECT expires_at FROM topics")).toEqual(expiry);

      query("UPDATE topics SET expires_at = ?1", Date.now() + 500);
      await using third = await start(path, first);
      await eventually(
        async () => (await third.api.status()).registered_topics === 1,
        "the topic to expire at the time in the file",
      );
    });

    test("a state file with a reserved topic in it opens nothing", async () => {
      using dir = new TempDir();
      const path = dir.file("topics.state");
      await using first = await start(path);
      await first.api.register("a", true);
      await first.kill();
      const db = new Database(path, { readwrite: true });
      db.run("INSERT INTO topics SELECT 'worker.status', 0, expires_at FROM topics");
      db.run("INSERT INTO topics SELECT 'worker.cluster', 0, expires_at FROM topics LIMIT 1");
      db.close();
      await using second = await start(path, first);
      expect(await isOpen(second, "worker.status")).toBe(false);
      expect(await rejection(second.open("worker.cluster"))).toContain("404");
      const status = await second.api.status("?topics=1");
      expect(status.registered_topics).toBe(2);
      expect(status.topic_list?.toSorted()).toEqual(["a", "worker.status"]);
    });

    test("is for its owner only, holds no secret, and is one file after a stop", async () => {
      using dir = new TempDir();
      const path = dir.file("topics.state");
      await using worker = await start(path);
      await worker.api.register("a", true);
      const names = readdirSync(dir.path).toSorted();
      expect(names).toEqual(["topics.state", "topics.state-shm", "topics.state-wal"]);
      for (const name of names) {
        expect(statSync(dir.file(name)).mode & 0o777).toBe(0o600);
        expect(await Bun.file(dir.file(name)).text()).not.toContain(worker.secret);
      }
      worker.program.signal("SIGTERM");
      expect(await worker.program.exit(PROMPT_MS)).toBe(0);
      expect(readdirSync(dir.path)).toEqual(["topics.state"]);
    });

    test("with a relative path it is in the working directory", async () => {
      using dir = new TempDir();
      const ports = freePorts();
      writeFileSync(
        dir.file("config.yaml"),
        configText({
          ws_port: ports.ws,
          internal_port: ports.internal,
          worker_secret: randomSecret(),
          state_file: "wavelog_worker.state",
        }),
        { mode: 0o600 },
      );
      await using program = new Program([...target.command(), "serve"], { cwd: dir.path });
      await program.stdout.until(
        (lines) => lines.find((line) => line.includes("started")),
        "start",
      );
      expect(existsSync(dir.file("wavelog_worker.state"))).toBe(true);
      program.signal("SIGTERM");
      expect(await program.exit()).toBe(0);
    });

    const IN_THE_WAY: readonly [what: string, make: (path: string) => void, problem: string][] = [
      [
        "a file that is no database",
        (path) => writeFileSync(path, "no database\n".repeat(1000)),
        "is no SQLite database",
      ],
      [
        "another program's database",
        (path) => {
          const db = new Database(path, { create: true, readwrite: true });
          db.run("CREATE TABLE qso (id INTEGER PRIMARY KEY, call TEXT)");
          db.close();
        },
        "is the database of another program",
      ],
    ];
    for (const [what, make, problem] of IN_THE_WAY) {
      test(`${what}: set aside with a warning, and the worker serves`, async () => {
        using dir = new TempDir();
        const path = dir.file("topics.state");
        make(path);
        const content = await Bun.file(path).bytes();
        await using first = await start(path);
        expect(first.log.filter(({ level }) => level === "warn")).toEqual([
          expect.objectContaining({
            msg: "state file: cannot be used, set aside for a new one",
            reason: problem,
            file: path,
            kept_as: expect.stringMatching(/topics\.state\.broken-\d{8}T\d{9}Z$/),
          }),
        ]);
        const kept = readdirSync(dir.path).find((name) => name.includes(".broken-")) ?? "";
        expect(await Bun.file(dir.file(kept)).bytes()).toEqual(content);
        await first.api.register("a");
        await first.kill();
        await using second = await start(path, first);
        expect(await isOpen(second, "a")).toBe(true);
        expect(stateLines(second)).toEqual(["state file: opened"]);
      });
    }

    test("a directory that is missing: a warning that says so, memory only, until it is there", async () => {
      using dir = new TempDir();
      const path = join(dir.path, "none", "topics.state");
      await using first = await start(path);
      expect(first.stderr.text).toBe("");
      expect(stateFaults(first)).toEqual([
        {
          msg: "state file: cannot be used, topics are in memory only",
          reason: "is in a directory that does not exist: create it",
        },
      ]);
      await first.api.register("a");
      expect(await isOpen(first, "a")).toBe(true);
      mkdirSync(join(dir.path, "none"));
      await first.logged("state file: opened");
      await first.kill();
      await using second = await start(path, first);
      expect(await isOpen(second, "a")).toBe(true);
    });

    for (const isThere of [false, true]) {
      const what = isThere ? "a file in a directory" : "a directory";
      test(`${what} that cannot be written to: a warning that says so, memory only`, async () => {
        using dir = new TempDir();
        const folder = join(dir.path, "locked");
        mkdirSync(folder);
        const path = join(folder, "topics.state");
        if (isThere) {
          await using before = await start(path);
          await before.api.register("before");
          expect(await before.stop()).toBe(0);
        }
        chmodSync(folder, 0o500);
        try {
          await using worker = await startWorker({
            target: bound(target),
            config: { state_file: path },
          });
          expect(stateFaults(worker)).toEqual([
            {
              msg: "state file: cannot be used, topics are in memory only",
              reason: "cannot be written: let the worker's user write to it and to its directory",
            },
          ]);
          await worker.api.register("a");
          expect(await isOpen(worker, "a")).toBe(true);
          expect(await worker.stop()).toBe(0);
          expect(readdirSync(folder)).toEqual(isThere ? ["topics.state"] : []);
        } finally {
          chmodSync(folder, 0o700);
        }
      });
    }

    test("a disk that takes no more: no request fails or waits, and what was missed is written later", async () => {
      using dir = new TempDir();
      const path = dir.file("topics.state");
      // A limit for the size of files takes the disk's part; as on a full one, writing fails.
      const limited: Target = {
        name: target.name,
        command: () => ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh", ...target.command()],
      };
      await using first = await startWorker({ target: limited, config: { state_file: path } });
      await first.api.register("before");
      const limit = (bytes: string): void => {
        const done = Bun.spawnSync(["prlimit", `--pid=${first.pid}`, `--fsize=${bytes}:unlimited`]);
        expect(done.exitCode).toBe(0);
      };
      limit("16384");
      for (let count = 0; count < 20; count += 1) {
        await first.api.register(`topic ${count}`, true);
      }
      await first.api.unregister("before");
      await first.logged("state file: cannot be written, going on in memory");
      limit("unlimited");
      await first.logged("state file: written again, nothing is missing");
      await first.kill();
      await using second = await start(path, first);
      expect((await second.api.status()).registered_topics).toBe(21);
      expect(await rejection(second.open("before"))).toContain("404");
    });

    test("with redis_url it is not used, and that is said", async () => {
      using dir = new TempDir();
      const path = dir.file("topics.state");
      // Nobody listens there; the worker serves alone.
      await using worker = await start(path, undefined, { redis_url: "redis://127.0.0.1:1/0" });
      expect(stateLines(worker)).toEqual(["state file: not used, Redis keeps the topics"]);
      expect(existsSync(path)).toBe(false);
    });
  });

  describe(`hand-over (${target.name})`, () => {
    test("a second process on the same ports takes over; pages come back to it, topics are one", async () => {
      using dir = new TempDir();
      const path = dir.file("topics.state");
      const config = { reuse_port: true, gateway_threads: 2 };
      await using first = await start(path, undefined, config);
      const { api } = first;
      await api.register("a", true);
      using page = new Page(first, "a");
      await page.live();

      await using second = await start(path, first, config);
      await second.logged("wavelog worker started");
      // Whichever of the two takes a call or a connection, it knows what the other was told.
      for (let count = 0; count < 40; count += 1) {
        await api.register(`topic ${count}`);
        await api.publish(`topic ${count}`, "1");
        using _ = await first.subscribe(`topic ${count}`);
        if (count % 2 === 0) {
          await api.unregister(`topic ${count}`);
        }
      }
      for (const { log } of [first, second]) {
        expect(log.filter(({ msg }) => msg === "topic registered").length).toBeGreaterThan(0);
        expect(log.filter(({ msg }) => msg === "client connected").length).toBeGreaterThan(0);
      }

      first.program.signal("SIGTERM");
      expect(await first.program.exit(PROMPT_MS)).toBe(0);
      await page.live();
      expect(page.client.retries).toBe(1);
      await api.publish("a", '"from the second"');
      await eventually(() => page.heard.includes("from the second"), "the event");
      await eventually(
        async () => (await api.status()).registered_topics === 22,
        "the second to know what the first removed",
      );
      expect(await second.stop()).toBe(0);
      await using third = await start(path, first, config);
      expect((await third.api.status()).registered_topics).toBe(22);
      for (const worker of [first, second, third]) {
        expect(stateLines(worker)).toEqual(["state file: opened"]);
        expect(worker.stderr.text).toBe("");
      }
    });

    test("needs both to say so: otherwise the second is told that the port is taken", async () => {
      for (const mine of [false, true]) {
        await using first = await startWorker({ target, config: { reuse_port: mine } });
        await first.api.register("a");
        const options = { target, secret: first.secret, config: { reuse_port: !mine } };
        await using second = new WorkerProcess(options, first.ports);
        expect(await second.program.exit()).toBe(1);
        expect(second.stderr.text).toContain("is taken by another program");
        expect(await isOpen(first, "a")).toBe(true);
      }
    });
  });
}
