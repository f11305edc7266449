import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connectionOptions } from "./connection-options.ts";
import { DEADLINE_MS, eventually, RedisServer, rejection } from "./redis-server-fixture.ts";
import { openSession, type RedisSession } from "./session.ts";

// Longer than each wait in a test, so that a wait in vain says what it was for.
setDefaultTimeout(2 * DEADLINE_MS);

const now = (): number => performance.now();

/** Long enough for an open socket to answer, in milliseconds. */
const OPEN_DEADLINE_MS = 5000;

function open(url: string, deadlineMs = OPEN_DEADLINE_MS, ca?: string): Promise<RedisSession> {
  return openSession(connectionOptions(url, ca, deadlineMs), deadlineMs, now);
}

const NEVER = "has not settled";

/** What is said of a promise that does not settle in time. */
async function never(ms: number): Promise<string> {
  await Bun.sleep(ms);
  return NEVER;
}

/** Connections to a server but the asking one. */
async function connections(server: RedisServer): Promise<number> {
  const clients = String(await server.command("CLIENT", "LIST"));
  // The asking program has two, as every session.
  return clients.trim().split("\n").length - 2;
}

/** Waits until every other program has gone. */
async function untilAlone(server: RedisServer): Promise<void> {
  await eventually(async () => (await connections(server)) === 0, "the sockets to be gone");
}

describe("a session", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test("sends commands and gives their replies: texts, numbers, lists, nothing", async () => {
    const session = await server.open();
    expect(await session.send(["SET", "key", 'v\u00e4lue "\u{1f4e1}"'])).toBe("OK");
    expect(await session.send(["GET", "key"])).toBe('v\u00e4lue "\u{1f4e1}"');
    expect(await session.send(["GET", "absent"])).toBeNull();
    expect(await session.send(["DEL", "key"])).toBe(1);
    expect(await session.send(["RPUSH", "list", "a", "b"])).toBe(2);
    expect(await session.send(["LRANGE", "list", "0", "-1"])).toEqual(["a", "b"]);
    session.close("done");
  });

  test("takes effect, and is answered, in the order of the calls", async () => {
    const session = await server.open();
    const answered: number[] = [];
    const calls = Array.from({ length: 500 }, async (_, call) => {
      const reply = await session.send(["INCR", "count"]);
      answered.push(call);
      return reply;
    });
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 500 }, (_, call) => call + 1));
    expect(answered).toEqual(Array.from({ length: 500 }, (_, call) => call));
    session.close("done");
  });

  test("rejects with Redis' own words, and goes on", async () => {
    const session = await server.open();
    await session.send(["SET", "text", "x"]);
    expect(await rejection(session.send(["LPUSH", "text", "y"]))).toStartWith("WRONGTYPE ");
    expect(await session.send(["GET", "text"])).toBe("x");
    session.close("done");
  });

  test("selects its database", async () => {
    const session = await server.open(now, server.urlOf(3));
    await session.send(["SET", "where", "three"]);
    expect(await server.command("GET", "where")).toBeNull();
    const other = await server.open(now, server.urlOf(3));
    expect(await other.send(["GET", "where"])).toBe("three");
    session.close("done");
    other.close("done");
  });

  test("hears a channel on its second socket, to the byte and in order", async () => {
    const session = await server.open();
    const heard: string[] = [];
    await session.subscribe("channel", (message) => heard.push(message));
    expect(await server.command("PUBSUB", "NUMSUB", "channel")).toEqual(["channel", 1]);
    const messages = ['{ "a":1.0 }', "", "\u{1f4e1}\n\u0000", "x".repeat(1024 * 1024)];
    for (const message of messages) {
      await server.command("PUBLISH", "channel", message);
    }
    await eventually(() => heard.length === messages.length, "the messages");
    expect(heard).toEqual(messages);
    expect(await session.send(["PING"])).toBe("PONG");
    session.close("done");
  });

  test("closed, tells its reason once, rejects what waits and what comes, leaves nothing", async () => {
    await untilAlone(server);
    const session = await server.open();
    await session.subscribe("channel", () => undefined);
    expect(await connections(server)).toBe(2);
    const waiting = rejection(session.send(["BLPOP", "nothing", "0"]));
    session.close("first reason");
    session.close("second reason");
    expect(await session.lost).toBe("first reason");
    expect(await waiting).not.toBe("");
    expect(await rejection(session.send(["PING"]))).not.toBe("");
    expect(session.stalledMs()).toBe(0);
    await untilAlone(server);
  });

  test("closed, rejects a subscription that is asked for then", async () => {
    const session = await server.open();
    session.close("done");
    const outcome = rejection(session.subscribe("channel", () => undefined));
    expect(await Promise.race([outcome, never(1000)])).not.toBe(NEVER);
  });

  test("closed, rejects a subscription that Redis has not confirmed", async () => {
    const session = await server.open();
    server.freeze();
    const outcome = rejection(session.subscribe("channel", () => undefined));
    await Bun.sleep(10);
    session.close("done");
    server.thaw();
    expect(await Promise.race([outcome, never(1000)])).not.toBe(NEVER);
  });

  test("is lost as a whole when another program ends the socket for commands", async () => {
    const session = await server.open();
    const id = await session.send(["CLIENT", "ID"]);
    await server.command("CLIENT", "KILL", "ID", String(id));
    expect(await session.lost).not.toBe("");
    expect(await rejection(session.send(["PING"]))).not.toBe("");
  });

  test("is lost as a whole when another program ends the socket of the subscription", async () => {
    const session = await server.open();
    await session.subscribe("channel", () => undefined);
    await server.command("CLIENT", "KILL", "TYPE", "pubsub");
    expect(await session.lost).not.toBe("");
    expect(await rejection(session.send(["PING"]))).not.toBe("");
    await untilAlone(server);
  });

  test("says for how long the oldest unanswered command has waited", async () => {
    let time = 1000;
    const session = await server.open(() => time);
    expect(session.stalledMs()).toBe(0);
    const first = session.send(["BLPOP", "one", "0"]);
    time += 40;
    expect(session.stalledMs()).toBe(40);
    const second = session.send(["BLPOP", "two", "0"]);
    time += 60;
    expect(session.stalledMs()).toBe(100);
    await server.command("RPUSH", "one", "x");
    await first;
    // The second began to be waited for when the first was answered.
    expect(session.stalledMs()).toBe(0);
    time += 30;
    expect(session.stalledMs()).toBe(30);
    await server.command("RPUSH", "two", "x");
    await second;
    time += 1000;
    expect(session.stalledMs()).toBe(0);
    session.close("done");
  });

  test("does not count a command that Redis has refused as one that waits", async () => {
    let time = 1000;
    const session = await server.open(() => time);
    await rejection(session.send(["NO-SUCH-COMMAND"]));
    time += 1000;
    expect(session.stalledMs()).toBe(0);
    session.close("done");
  });
});

describe("a session to a server that", () => {
  test("is killed is lost, with a reason", async () => {
    await using server = await RedisServer.start();
    const session = await server.open();
    const waiting = rejection(session.send(["BLPOP", "nothing", "0"]));
    await server.kill();
    expect(await session.lost).not.toBe("");
    expect(await waiting).not.toBe("");
  });

  test("is frozen stays, and shows that it stalls", async () => {
    await using server = await RedisServer.start();
    const session = await server.open();
    server.freeze();
    const reply = session.send(["PING"]);
    await eventually(() => session.stalledMs() >= 50, "the session to stall");
    server.thaw();
    expect(await reply).toBe("PONG");
    expect(session.stalledMs()).toBe(0);
  });

  test("restarts on the same port is never the same one", async () => {
    await using server = await RedisServer.start();
    const session = await server.open();
    await server.restart();
    await session.lost;
    expect(await rejection(session.send(["PING"]))).not.toBe("");
    const next = await server.open();
    expect(await next.send(["PING"])).toBe("PONG");
  });
});

describe("opening a session", () => {
  test("is refused where nobody listens", async () => {
    await using server = await RedisServer.start();
    const { url } = server;
    await server.kill();
    expect(await rejection(open(url))).toContain("ECONNREFUSED");
  });

  for (const [what, database] of [
    ["that must select a database", 1],
    // Nothing has to be sent then: the kernel alone takes the connection.
    ["that has neither a password nor a database to select", 0],
  ] as const) {
    test(`to a frozen server, ${what}, ends at the deadline`, async () => {
      await using server = await RedisServer.start();
      server.freeze();
      const start = now();
      expect(await rejection(open(server.urlOf(database), 300))).toBe("no answer in time");
      expect(now() - start).toBeWithin(290, 2000);
      server.thaw();
      await untilAlone(server);
    });
  }

  test("leaves no socket open, in whatever moment its time is over", async () => {
    await using server = await RedisServer.start();
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const options = connectionOptions(server.urlOf(attempt % 2), undefined, OPEN_DEADLINE_MS);
      const opening = openSession(options, (attempt % 20) / 10, now);
      await opening.then(
        (session) => session.close("done"),
        () => undefined,
      );
    }
    await untilAlone(server);
  });

  test("to something that takes connections and says nothing ends at the deadline", async () => {
    using silent = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: () => undefined },
    });
    expect(await rejection(open(`redis://127.0.0.1:${silent.port}/1`, 200))).toBe(
      "no answer in time",
    );
  });

  test("to something that is no Redis is refused", async () => {
    using web = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
    expect(await rejection(open(`redis://127.0.0.1:${web.port}/1`, 1000))).not.toBe("");
  });

  test("with a password succeeds; with a wrong one or none it says so, and not which", async () => {
    await using server = await RedisServer.start({ password: "p@ss:w/rd?#" });
    const session = await server.open();
    expect(await session.send(["PING"])).toBe("PONG");
    const wrong = await rejection(open(server.urlOf(0, "hunter2-hunter2")));
    expect(wrong).toStartWith("WRONGPASS ");
    expect(wrong).not.toContain("hunter2");
    expect(await rejection(open(server.urlOf(1, "")))).toStartWith("NOAUTH ");
    session.close("done");
    await untilAlone(server);
  });

  test("with a user of Redis' list succeeds", async () => {
    await using server = await RedisServer.start();
    await server.command("ACL", "SETUSER", "worker", "on", ">secret", "~*", "&*", "+@all");
    const session = await open(`redis://worker:secret@127.0.0.1:${server.port}/0`);
    expect(await session.send(["ACL", "WHOAMI"])).toBe("worker");
    session.close("done");
  });

  test("to a database that the server does not have is refused", async () => {
    await using server = await RedisServer.start({ extra: ["--databases", "2"] });
    expect(await rejection(open(server.urlOf(2)))).toContain("DB index is out of range");
    await untilAlone(server);
  });

  test("over a Unix socket succeeds, with a password and a database", async () => {
    await using server = await RedisServer.start({ unixSocket: true, password: "s3cret" });
    const session = await server.open(now, server.urlOf(2));
    const heard: string[] = [];
    await session.subscribe("channel", (message) => heard.push(message));
    await session.send(["SET", "where", "two"]);
    expect(await server.command("GET", "where")).toBeNull();
    await server.command("PUBLISH", "channel", "hello");
    await eventually(() => heard.length > 0, "the message");
    expect(heard).toEqual(["hello"]);
    expect(await rejection(open(server.urlOf(0, "wrong")))).toStartWith("WRONGPASS ");
  });

  test("over TLS succeeds when the authority is known, and only then", async () => {
    await using server = await RedisServer.start({ tls: true, password: "s3cret" });
    const session = await server.open();
    const heard: string[] = [];
    await session.subscribe("channel", (message) => heard.push(message));
    await session.send(["PUBLISH", "channel", "hello"]);
    await eventually(() => heard.length > 0, "the message");
    expect(heard).toEqual(["hello"]);
    expect(await rejection(open(server.url))).toMatch(/certificate|self.signed/i);
    const plain = server.url.replace("rediss:", "redis:");
    expect(await rejection(open(plain, 1000))).not.toBe("");
    session.close("done");
    await untilAlone(server);
  });

  test("over TLS to a name that the certificate does not hold is refused", async () => {
    await using server = await RedisServer.start({ tls: true });
    const elsewhere = server.url.replace("127.0.0.1", "127.0.0.2");
    await server.command("CONFIG", "SET", "bind", "127.0.0.1 127.0.0.2");
    expect(await rejection(open(elsewhere, 2000, await server.ca()))).not.toBe("");
    const byName = await open(
      server.url.replace("127.0.0.1", "localhost"),
      2000,
      await server.ca(),
    );
    expect(await byName.send(["PING"])).toBe("PONG");
    byName.close("done");
  });
});
