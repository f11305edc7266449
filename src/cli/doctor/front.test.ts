import { describe, expect, test } from "bun:test";
import { advice, configuration, SERVERS, serverOf } from "./front.ts";

const answer = (headers: Record<string, string>, body = "") => ({
  status: 404,
  headers: new Map(Object.entries(headers)),
  body,
});

describe("the web server is known", () => {
  test.each([
    ["nginx", answer({ server: "nginx/1.22.1" })],
    ["nginx", answer({ server: "openresty" })],
    ["Apache", answer({ server: "Apache/2.4.71 (Debian)" })],
    ["Caddy", answer({ server: "Caddy" })],
    ["Caddy", answer({ via: "1.1 Caddy" })],
    ["HAProxy", answer({}, "<html><body><h1>503 Service Unavailable</h1>\nNo server")],
    [undefined, answer({ server: "cloudflare" })],
    [undefined, answer({}, "topic not registered")],
  ] as const)("as %s", (server, given) => {
    expect(serverOf(given)).toBe(server);
  });
});

describe("advice", () => {
  const place = { prefix: "/worker", worker: "10.0.0.11:9000" };

  test("is given for the server that is there, for all when nobody knows, for none where none is", () => {
    expect(advice("none", "upgrade", place)).toEqual([]);
    expect(advice("Caddy", "upgrade", place)).toEqual([
      "in Caddy:",
      "  handle_path /worker/* {",
      "  \treverse_proxy 10.0.0.11:9000",
      "  }",
    ]);
    for (const topic of ["route", "upgrade", "timeout"] as const) {
      const [first, ...lines] = advice("unknown", topic, place);
      expect(first).toBe("by web server:");
      expect(lines.map((line) => /^ {2}(\w+): \S/.exec(line)?.[1])).toEqual([...SERVERS]);
    }
  });

  test("names the worker, and the prefix as the address has it", () => {
    for (const server of SERVERS) {
      const text = configuration(server, { ...place, prefix: "/a.b" }).join("\n");
      expect(text).toContain("10.0.0.11:9000");
      expect(text).toContain(server === "HAProxy" ? "^/a\\.b/(.*)" : "/a.b/");
    }
  });
});
