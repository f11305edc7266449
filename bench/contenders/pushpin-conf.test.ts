import { expect, test } from "bun:test";
import { pushpinConf, pushpinRoutes } from "./pushpin-conf.ts";

const SETTINGS = {
  directory: "/run/here",
  wsPort: 7001,
  httpPort: 7002,
  zmqPorts: [7003, 7004, 7005],
  maxConnections: 12_345,
} as const;

/** The values of one section, by name. */
function section(name: string): Map<string, string> {
  const body = pushpinConf(SETTINGS).split(`[${name}]\n`)[1]?.split("\n[")[0] ?? "";
  return new Map(
    body
      .split("\n")
      .filter((line) => line.includes("="))
      .map((line): [string, string] => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      }),
  );
}

test("every port and the directory stand where they belong, on 127.0.0.1 alone", () => {
  expect(section("global").get("rundir")).toBe("/run/here");
  expect(section("runner").get("http_port")).toBe("127.0.0.1:7001");
  expect(section("runner").get("logdir")).toBe("/run/here");
  expect(section("handler").get("push_in_http_addr")).toBe("127.0.0.1");
  expect(section("handler").get("push_in_http_port")).toBe("7002");
  expect(section("handler").get("push_in_spec")).toBe("tcp://127.0.0.1:7003");
  expect(section("handler").get("push_in_sub_specs")).toBe("tcp://127.0.0.1:7004");
  expect(section("handler").get("command_spec")).toBe("tcp://127.0.0.1:7005");
  expect(section("runner").get("client_maxconn")).toBe("12345");
});

test("a batch of deliveries, one every 25 ms, fits a queue of 1,000, and none is dropped waiting", () => {
  const rate = Number(section("handler").get("message_rate"));
  expect(rate).toBeGreaterThan(30_000);
  expect((rate * 25) / 1_000).toBeLessThan(1_000);
  expect(Number(section("handler").get("message_hwm"))).toBeGreaterThan(20_000 * 1_000);
});

test("requests wait on many ways to one zurl, and answers come on a single one", () => {
  const proxy = section("proxy");
  const ways = proxy.get("zurl_out_specs")?.split(",") ?? [];
  expect(ways).toHaveLength(32);
  expect(new Set(ways)).toEqual(new Set(["ipc://{rundir}/{ipc_prefix}zurl-in"]));
  expect(proxy.get("zurl_out_stream_specs")).not.toContain(",");
  expect(proxy.get("zurl_in_specs")).not.toContain(",");
});

test("everything goes to the application, as HTTP", () => {
  expect(pushpinRoutes(8080)).toBe("* 127.0.0.1:8080,over_http\n");
});
