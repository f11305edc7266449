import { describe, expect, test } from "bun:test";
import { API_ERRORS, UPGRADE_ERRORS } from "../../protocol/api-errors.ts";
import { configuration, type Front, SERVERS } from "./front.ts";
import { type HandshakeOutcome, isInternalApi, judgeHandshake, outcomeOf } from "./handshake.ts";
import type { HttpAnswer } from "./http-answer.ts";

const answer = (status: number, body = "", headers: Record<string, string> = {}): HttpAnswer => ({
  status,
  body,
  headers: new Map(Object.entries(headers)),
});

const ACCEPTED = { "sec-websocket-accept": "right" };

describe("the outcome of a handshake", () => {
  test.each<[string, HttpAnswer, HandshakeOutcome]>([
    ["the upgrade", answer(101, "", ACCEPTED), "upgraded"],
    [
      "an upgrade for somebody else",
      answer(101, "", { "sec-websocket-accept": "x" }),
      "foreign_upgrade",
    ],
    ["no answer to the key", answer(101), "foreign_upgrade"],
    [
      "a gorilla of the original",
      answer(400, "Bad Request\n", { "sec-websocket-version": "13" }),
      "no_upgrade",
    ],
    ["another 426", answer(426, "WebSocket protocol violation"), "no_upgrade"],
    ["the original's router", answer(404, "404 page not found\n"), "unknown_path"],
    ["nginx", answer(404, "<html>nginx</html>"), "web_server_404"],
    ["nginx before TLS", answer(400, "The plain HTTP request was sent to HTTPS port"), "needs_tls"],
    [
      "Caddy before TLS",
      answer(400, "Client sent an HTTP request to an HTTPS server."),
      "needs_tls",
    ],
    [
      "Apache before TLS",
      answer(400, "You're speaking plain HTTP to an SSL-enabled server port."),
      "needs_tls",
    ],
    ["a redirection", answer(307), "redirect"],
    ["a password", answer(401), "denied"],
    ["a rule", answer(403, "<html>"), "denied"],
    ["nobody behind", answer(502, "<html>"), "no_worker"],
    ["HAProxy without a server", answer(503, "<html>"), "no_worker"],
    ["a worker that hangs", answer(504, "<html>"), "no_worker"],
    ["a page", answer(200, "<html>"), "page"],
    ["a fault of the web server's", answer(500, "<html>"), "other"],
    ["another 400", answer(400, "<html>"), "other"],
  ])("%s", (_, given, outcome) => {
    expect(outcomeOf(given, "right")).toBe(outcome);
  });

  test("of every fault that the worker answers is told apart from a web server's", () => {
    const outcomes = Object.entries(UPGRADE_ERRORS).map(([name, { status, text }]) => [
      name,
      outcomeOf(answer(status, text), "right"),
    ]);
    expect(Object.fromEntries(outcomes)).toEqual({
      missingTopic: "no_query",
      topicTooLong: "other",
      notAWebSocket: "no_upgrade",
      unsupportedVersion: "no_upgrade",
      badKey: "no_upgrade",
      originNotAllowed: "origin_refused",
      notFound: "unknown_path",
      topicNotRegistered: "unknown_topic",
      uriTooLong: "other",
      draining: "turned_away",
      notReady: "turned_away",
      internal: "worker_fault",
      tooManyConnections: "turned_away",
      tooManyHandshakes: "turned_away",
    });
  });
});

test("the internal API is known by what it says to strangers", () => {
  expect(isInternalApi(answer(403, API_ERRORS.forbidden.text))).toBe(true);
  expect(isInternalApi(answer(403, "<html>403 forbidden</html>"))).toBe(false);
  expect(isInternalApi(answer(404, "not found"))).toBe(false);
});

describe("a handshake is judged", () => {
  const judge = (
    outcome: HandshakeOutcome,
    over: { front?: Front; prefix?: string; isInternal?: boolean; given?: HttpAnswer } = {},
  ) => {
    const { front = "nginx", prefix = "/worker", isInternal = false, given = answer(418) } = over;
    return judgeHandshake({
      ...{ outcome, answer: given, isInternal, front, tookMs: 12.4 },
      endpoint: `wss://log.example.org${prefix}/ws`,
      place: { prefix, worker: "127.0.0.1:9000" },
    });
  };

  test("in order when it is upgraded", () => {
    const [path, upgrade] = judge("upgraded");
    expect([path.verdict, upgrade.verdict]).toEqual(["ok", "ok"]);
    expect(upgrade.text).toBe("HTTP 101 after 12 ms");
  });

  const wrong: readonly HandshakeOutcome[] = [
    ...(["foreign_upgrade", "no_upgrade", "unknown_path", "no_query", "turned_away"] as const),
    ...(["worker_fault", "origin_refused", "web_server_404", "page", "redirect"] as const),
    ...(["denied", "no_worker", "needs_tls", "other"] as const),
  ];
  test.each(wrong)("%s is one problem, with a way out and in printable lines", (outcome) => {
    for (const front of [...SERVERS, "unknown", "none"] as const) {
      const findings = judge(outcome, { front, given: answer(418, "\u001b[2J\nteapot") });
      const problems = findings.filter(({ verdict }) => verdict === "problem");
      expect(problems).toHaveLength(1);
      for (const { text, fix } of problems) {
        expect(text).toMatch(/^\P{Cc}+$/u);
        // The worker's own port needs no configuration of a web server.
        expect(fix.length).toBeGreaterThan(front === "none" ? -1 : 0);
      }
    }
  });

  test("with the whole configuration of the web server that is there", () => {
    for (const front of SERVERS) {
      const [path] = judge("unknown_path", { front });
      const lines = configuration(front, { prefix: "/worker", worker: "127.0.0.1:9000" });
      expect(path.fix).toEqual([`in ${front}:`, ...lines.map((line) => `  ${line}`)]);
    }
    const [path] = judge("unknown_path", { front: "unknown" });
    expect(path.fix).toHaveLength(1 + SERVERS.length);
  });

  test("with what an unstripped prefix, a missing one, and the wrong port mean", () => {
    const text = (over: Parameters<typeof judge>[1]) => judge("unknown_path", over)[0].text;
    expect(text({})).toEndWith("the prefix /worker is not stripped");
    expect(text({ prefix: "" })).toEndWith("the web server changes it");
    expect(text({ isInternal: true })).toContain("open to the world");
    expect(text({ front: "none" })).toEndWith("wss://log.example.org/worker/ws");
  });

  test("with the address of a redirection, cleaned", () => {
    const given = answer(301, "", { location: "https://x.example/\u0007" });
    expect(judge("redirect", { given })[0].text).toContain("to https://x.example/?: browsers");
  });
});
