import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { eventually } from "./support/changes.ts";
import { RedisServer } from "./support/cluster-redis.ts";
import { Program, run } from "./support/program.ts";
import { SOURCE_RUN, TARGETS } from "./support/targets.ts";
import { TempDir } from "./support/temp-dir.ts";
import { makeToken } from "./support/token.ts";
import { configText, startWorker, type WorkerProcess } from "./support/worker.ts";

setDefaultTimeout(30_000);

/** The words with which a worker's configuration is given. */
function configOf({ ports, secret }: WorkerProcess, dir: TempDir): readonly string[] {
  const path = dir.file("config.yaml");
  const settings = { ws_port: ports.ws, internal_port: ports.internal, worker_secret: secret };
  writeFileSync(path, configText(settings), { mode: 0o600 });
  return ["--config", path];
}

for (const target of TARGETS) {
  describe(`status (${target.name})`, () => {
    test("tells of one worker, for people and as JSON", async () => {
      using dir = new TempDir();
      await using worker = await startWorker({ target });
      await worker.api.register("a", true);
      using _socket = await worker.subscribe("a", makeToken(worker.secret, "a"));
      await worker.socketsReach(1);
      const command = [...target.command(), "status", ...configOf(worker, dir)];
      const { status, stdout, stderr } = await run(command);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(/^worker [0-9a-f]{16} at http:\/\/127\.0\.0\.1:\d+\n/);
      expect(stdout).toMatch(/\n {2}sockets +1 of 1 client, on 1 topic\n/);
      expect(stdout).toMatch(/\n {2}files open +\d+ of \d+\n/);
      expect(stdout).not.toContain("\u001b");

      const json = await run([...command, "--json"]);
      const told = JSON.parse(json.stdout) as { status: object; cluster: { nodes: object[] } };
      const keys = Object.keys(await worker.api.status());
      expect(Object.keys(told.status)).toEqual(keys);
      expect(told.status).toMatchObject({ connected_sockets: 1, redis: "off" });
      expect(told.cluster.nodes).toHaveLength(1);
    });

    test("watches a worker in a pipe, through its restart, until Ctrl-C", async () => {
      using dir = new TempDir();
      await using worker = await startWorker({ target });
      const words = ["status", "--watch", ...configOf(worker, dir)];
      await using watching = new Program([...target.command(), ...words]);
      const lines = await watching.stdout.until(
        (all) => (all.length >= 2 ? all : undefined),
        "two lines",
      );
      for (const line of lines) {
        expect(line).toMatch(
          /^\d{4}-\d\d-\d\dT[\d:.]+Z sockets=0 clients=0 topics=1 .* redis=off /,
        );
      }
      await worker.kill();
      await watching.stderr.until(
        (all) => all.find((line) => line.includes("connection refused")),
        "a word about the worker that is gone",
      );
      watching.signal("SIGINT");
      expect(await watching.exit()).toBe(0);
    });
  });
}

test("status tells of all workers of a cluster, asked at any", async () => {
  using dir = new TempDir();
  await using redis = await RedisServer.start();
  const config = { redis_url: redis.url };
  await using first = await startWorker({ target: SOURCE_RUN, config });
  const { secret } = first;
  await using second = await startWorker({ target: SOURCE_RUN, config, secret });
  const words = configOf(first, dir);
  const url = ["--url", `http://127.0.0.1:${second.ports.internal}`];
  const stdout = await eventually(async () => {
    const told = await run([...SOURCE_RUN.command(), "status", ...words, ...url]);
    return /redis +up, 2 workers, probe/.test(told.stdout) && told.stdout;
  }, "both workers to be in the cluster");
  const [head = "", ...rows] = stdout.split("\n\n")[1]?.split("\n") ?? [];
  expect(head).toMatch(/^node +host +version +up since +topics +sockets +clients +probe$/);
  expect(rows).toHaveLength(2);
  expect(rows.filter((row) => row.includes(" * "))).toHaveLength(1);
});
