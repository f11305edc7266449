import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/cluster/places.ts";
import { startRedis } from "../../tools/cluster/redis.ts";
import { eventually } from "../support/changes.ts";
import { freePorts } from "../support/ports.ts";
import { run } from "../support/program.ts";
import { SOURCE_RUN } from "../support/targets.ts";
import { TempDir } from "../support/temp-dir.ts";
import { randomSecret, startWorker } from "../support/worker.ts";

/** The rules of the command in the guide, as one line. */
function documentedRules(): string {
  const guide = readFileSync(join(ROOT, "docs/clustering.md"), "utf8");
  return /^redis-cli (ACL SETUSER wavelog (?:.*\\\n)*.*)$/m.exec(guide)?.[1] ?? "";
}

test("the Redis user of docs/clustering.md may do all that workers do, and nothing else", async () => {
  using directory = new TempDir();
  const { ws: port } = freePorts();
  await using _redis = await startRedis(directory.path, port, new AbortController().signal);
  const cli = async (words: string): Promise<string> => {
    const { stdout, stderr } = await run(["sh", "-c", `redis-cli -p ${port} ${words}`]);
    return stdout + stderr;
  };
  expect(await cli(documentedRules())).toBe("OK");

  const secret = randomSecret();
  const url = `redis://wavelog:a-long-password@127.0.0.1:${port}/0`;
  const options = { target: SOURCE_RUN, secret, config: { redis_url: url } };
  await using first = await startWorker(options);
  await using second = await startWorker(options);
  await first.api.register("club", false);
  using browser = await second.subscribe("club");
  await first.api.publish("club", '"hello"');
  expect(await browser.nextFrame()).toBe('{"type":"push","payload":"hello"}');
  // The list of topics and the other node's report need rights of their own.
  expect((await second.api.status("?topics=1")).topic_list).toContain("club");
  await eventually(async () => {
    const { body } = await second.api.get("/internal/cluster");
    return (JSON.parse(body) as { nodes: unknown[] }).nodes.length === 2;
  }, "two reports");
  // The log is trimmed with the first report that follows the start.
  await eventually(async () => Number(await cli("PTTL wavelog:log")) > 0, "a log that expires");
  await first.api.unregister("club");
  expect((await second.api.status()).registered_topics).toBe(1);

  // Where Redis notes what it has refused.
  expect((await cli("ACL LOG")).trim()).toBe("");
  expect(await cli("--user wavelog --pass a-long-password --no-auth-warning FLUSHALL")).toContain(
    "NOPERM",
  );
});
