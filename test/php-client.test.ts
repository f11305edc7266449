import { describe, expect, setDefaultTimeout, test } from "bun:test";
import golden from "../src/protocol/golden-tokens.json" with { type: "json" };
import { newTopic, onEachTarget } from "./support/each-target.ts";
import { type PhpCall, PhpClient, php } from "./support/php.ts";
import type { WorkerProcess } from "./support/worker.ts";

setDefaultTimeout(30_000);

/** curl sends its body after a second without `100 Continue`: anything near that is a failure. */
const FAST_MS = 800;

const MIB = 1024 * 1024;

/** Paths and statuses of calls. */
function gist(calls: readonly PhpCall[]): readonly string[] {
  return calls.map(({ path, status, error }) => `${path} ${status}${error}`);
}

function clientOf(worker: WorkerProcess): PhpClient {
  return new PhpClient(worker.ports.internal, worker.secret);
}

onEachTarget("Wavelog's PHP", (worker) => {
  test("registers, publishes with a token of its own, unregisters", async () => {
    const topic = newTopic();
    const client = clientOf(worker());
    expect(gist(await client.register(topic, true))).toEqual(["/internal/register 200"]);
    const token = await client.token(topic, 42, 3600);
    using socket = await worker().subscribe(topic, token);
    const calls = await client.publish(topic, '{"freq":"14074000","mode":"FT8"}');
    expect(gist(calls)).toEqual(["/internal/publish 200"]);
    expect(calls[0]?.body).toBe("");
    expect(await socket.nextFrame()).toBe(
      '{"type":"push","payload":{"freq":"14074000","mode":"FT8"}}',
    );
    expect(gist(await client.unregister(topic))).toEqual(["/internal/unregister 200"]);
    const [unknown] = await client.publish(topic, "1");
    expect(unknown).toMatchObject({ status: 404, body: "topic not registered" });
    expect(socket.close).toBeUndefined();
  });

  test("on 404 registers the topic and publishes again", async () => {
    const topic = newTopic();
    const client = clientOf(worker());
    expect(gist(await client.deliver(topic, true, "1"))).toEqual([
      "/internal/publish 404",
      "/internal/register 200",
      "/internal/publish 200",
    ]);
    using socket = await worker().subscribe(topic, await client.token(topic, 1, 60));
    expect(gist(await client.deliver(topic, true, "2"))).toEqual(["/internal/publish 200"]);
    expect(await socket.nextFrame()).toBe('{"type":"push","payload":2}');
  });

  test("topics and payloads as json_encode writes them arrive unchanged", async () => {
    const topic = `${newTopic()} \u00fc/"\\\u{1f4e1}`;
    const client = clientOf(worker());
    await client.register(topic, true);
    using socket = await worker().subscribe(topic, await client.token(topic, 1, 60));
    for (const payload of [
      '"\\u00fc\\/\\ud83d\\udce1"',
      '"\u00fc/\u{1f4e1}"',
      "12345678901234567890",
      "1.0",
      "[]",
      "null",
    ]) {
      await client.publish(topic, payload);
      expect(await socket.nextFrame()).toBe(`{"type":"push","payload":${payload}}`);
    }
  });

  test("a large event is published fast, with Expect: 100-continue or without", async () => {
    const topic = newTopic();
    const client = clientOf(worker());
    await client.register(topic, false);
    using socket = await worker().subscribe(topic);
    const sizes: readonly [bytes: number, expects: boolean][] = [
      [10, true],
      [2000, false],
      [2000, true],
      // curl asks of its own accord from 1 MiB on, older ones from 1 KiB on.
      [MIB - 200, false],
      [MIB - 200, true],
    ];
    for (const [bytes, expects] of sizes) {
      const payload = JSON.stringify("x".repeat(bytes));
      const [call] = await client.publish(topic, payload, expects);
      expect(call).toMatchObject({ status: 200, error: "" });
      expect(call?.ms).toBeLessThan(FAST_MS);
      expect((await socket.nextFrame()) === `{"type":"push","payload":${payload}}`).toBe(true);
    }
    const [tooLarge] = await client.publish(topic, JSON.stringify("x".repeat(MIB)));
    expect(tooLarge).toMatchObject({ status: 413, error: "" });
    expect(tooLarge?.ms).toBeLessThan(FAST_MS);
  });

  test("reads the status", async () => {
    const client = clientOf(worker());
    const [plain] = await client.status();
    expect(plain?.status).toBe(200);
    expect(JSON.parse(plain?.body ?? "")).toMatchObject({ status: "ok", cluster_nodes: -1 });
    const [listed] = await client.status(true);
    expect(JSON.parse(listed?.body ?? "")).toHaveProperty("topic_list");
  });

  test("with another secret it is told so", async () => {
    const stranger = new PhpClient(worker().ports.internal, "another secret");
    for (const calls of [
      await stranger.register("a", false),
      await stranger.publish("a", "1"),
      await stranger.publish("a", "1", true),
      await stranger.status(),
    ]) {
      expect(calls).toEqual([expect.objectContaining({ status: 403, body: "forbidden" })]);
    }
  });

  test("its token for the status topic opens that", async () => {
    const topic = "worker.status";
    using socket = await worker().subscribe(topic, await clientOf(worker()).token(topic, 1, 60));
    socket.sendText('{"type":"status"}');
    expect(await socket.nextFrame()).toStartWith('{"type":"status","payload":{"status":"ok"');
  });
});

describe("golden tokens", () => {
  test("are what PHP makes today", async () => {
    expect(JSON.parse(await php("tokens.php"))).toEqual(golden);
  });
});
