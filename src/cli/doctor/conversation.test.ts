import { afterEach, describe, expect, test } from "bun:test";
import { Secret } from "../../config/secret.ts";
import { AUTH_OK_FRAME, errorFrame, pushFrame } from "../../protocol/frames.ts";
import { SECRET } from "../testing.ts";
import {
  judgeDelivery,
  judgeIdle,
  judgeStream,
  judgeToken,
  type Talk,
  type TalkSocket,
} from "./conversation.ts";

/** A socket on which nothing takes time: what is to come has come when it is waited for. */
class FakeSocket implements TalkSocket {
  arrivals: { text: string; at: number }[] = [];
  pings: number[] = [];
  closing: TalkSocket["closing"];
  lastHeardAt = performance.now();
  readonly sent: string[] = [];
  /** What happens while somebody waits. */
  meanwhile: () => void = () => undefined;

  send(text: string): void {
    this.sent.push(text);
  }

  until<Seen>(look: () => Seen | undefined): Promise<Seen | undefined> {
    this.meanwhile();
    return Promise.resolve(look());
  }

  /** A frame that comes so many milliseconds from now. */
  receive(text: string, inMs: number = 0): void {
    this.arrivals.push({ text, at: performance.now() + inMs });
  }
}

const open: { stop(): void }[] = [];

afterEach(() => {
  for (const server of open.splice(0)) {
    server.stop();
  }
});

/** A talk with a worker whose publishes do what a test wants. */
function talkWith(publish: (payload: string, socket: FakeSocket) => Response | undefined): {
  talk: Talk;
  socket: FakeSocket;
} {
  const socket = new FakeSocket();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const payload = /"payload":(.*)\}$/.exec(await request.text())?.[1] ?? "";
      return publish(payload, socket) ?? new Response("");
    },
  });
  open.push({ stop: () => void server.stop(true) });
  const api = { host: "127.0.0.1", port: server.port ?? 0, secret: new Secret(SECRET) };
  const talk: Talk = {
    ...{ socket, api, topic: "doctor.1", endpoint: "wss://log.example.org/worker/ws" },
    ...{ front: "nginx", place: { prefix: "/worker", worker: "127.0.0.1:9000" } },
    signal: new AbortController().signal,
    wait: () => Promise.resolve(),
  };
  return { talk, socket };
}

const healthy = (payload: string, socket: FakeSocket): undefined => {
  socket.receive(pushFrame(payload));
};

describe("a token", () => {
  const judged = async (answer: (socket: FakeSocket) => void, agoMs = 0, isSecretRight = true) => {
    const { talk, socket } = talkWith(healthy);
    socket.meanwhile = () => answer(socket);
    const finding = await judgeToken(talk, "abc", performance.now() - agoMs, isSecretRight);
    expect(socket.sent).toEqual(['{"type":"auth","token":"abc"}']);
    return finding;
  };
  const accept = (socket: FakeSocket): void => socket.receive(AUTH_OK_FRAME);
  const refuse = (socket: FakeSocket): void => socket.receive(errorFrame("unauthorized"));

  test.each([
    [0, "ok"],
    [900, "warning"],
    [1_600, "problem"],
  ] as const)("accepted after %d ms is %s, by a browser's patience", async (agoMs, verdict) => {
    expect((await judged(accept, agoMs)).verdict).toBe(verdict);
  });

  test("refused means another worker, or another secret", async () => {
    expect((await judged(refuse)).fix.join(" ")).toContain(
      "another one than that of the internal API",
    );
    expect((await judged(refuse, 0, false)).text).toContain("the worker_secret read here");
  });

  test("unanswered is a problem of the way", async () => {
    expect((await judged(() => undefined)).text).toBe("no answer to the auth frame within 3 s");
    const closed = await judged((socket) => {
      socket.closing = { code: 1006, reason: "\u0007why", at: performance.now() };
    });
    expect(closed.text).toBe("the connection was closed instead of an answer (1006, ?why)");
  });
});

describe("an event", () => {
  test("that arrives is in order", async () => {
    const { talk } = talkWith(healthy);
    expect(await judgeDelivery(talk)).toMatchObject({ id: "delivery", verdict: "ok" });
  });

  test("that does not arrive went to another worker", async () => {
    const { talk } = talkWith(() => undefined);
    const finding = await judgeDelivery(talk);
    expect(finding.verdict).toBe("problem");
    expect(finding.fix.join(" ")).toContain("redis_url");
  });

  test("that is not taken says why", async () => {
    const { talk } = talkWith(() => new Response("overloaded", { status: 503 }));
    expect((await judgeDelivery(talk)).text).toContain('the worker answered 503 "overloaded"');
  });
});

describe("events", () => {
  test("that come one by one, and a large one, are in order", async () => {
    const { talk } = talkWith(healthy);
    const finding = await judgeStream(talk);
    expect(finding.verdict).toBe("ok");
    expect(finding.text).toMatch(/^10 events one by one, .*; 200 KB whole after \d+ ms$/);
  });

  test("that are held back are a problem", async () => {
    const { talk } = talkWith((payload, socket) => {
      socket.receive(pushFrame(payload), 1_500);
    });
    const finding = await judgeStream(talk);
    expect(finding.verdict).toBe("problem");
    expect(finding.text).toMatch(/^events are held back for up to 15\d\d ms$/);
  });

  test("that get lost, or out of order, are a problem", async () => {
    let count = 0;
    const lossy = talkWith((payload, socket) => {
      count += 1;
      return count === 4 ? undefined : healthy(payload, socket);
    });
    expect((await judgeStream(lossy.talk)).text).toBe("of 10 events 9 arrived, not in order");
    const turned = talkWith((payload, socket) => {
      socket.arrivals.unshift({ text: pushFrame(payload), at: performance.now() });
      return undefined;
    });
    expect((await judgeStream(turned.talk)).text).toBe("of 10 events 10 arrived, not in order");
  });

  test("that are large and get lost are told apart from those that are not taken", async () => {
    const lost = talkWith((payload, socket) => {
      if (payload.length < 1_000) {
        return healthy(payload, socket);
      }
      socket.closing = { code: 1009, reason: "", at: performance.now() };
      return undefined;
    });
    expect((await judgeStream(lost.talk)).text).toBe(
      "small events arrive, one of 200 KB does not; the connection was closed (1009)",
    );
    const refused = talkWith((payload, socket) => {
      return payload.length < 1_000 ? healthy(payload, socket) : new Response("", { status: 413 });
    });
    expect((await judgeStream(refused.talk)).fix.join(" ")).toContain("client_max_body_size");
  });
});

describe("a silent connection", () => {
  const judged = (seconds: number, meanwhile: (socket: FakeSocket) => void) => {
    const { talk, socket } = talkWith(healthy);
    socket.meanwhile = () => meanwhile(socket);
    return judgeIdle(talk, seconds);
  };
  const ping = (socket: FakeSocket): void => void socket.pings.push(performance.now());

  test("with pings is in order", async () => {
    const finding = await judged(65, (socket) => {
      ping(socket);
      ping(socket);
    });
    expect(finding).toMatchObject({
      verdict: "ok",
      text: "open after 65 s of silence, 2 pings of the worker's",
    });
  });

  test("without a ping is a problem only when one was due", async () => {
    expect((await judged(65, () => undefined)).verdict).toBe("problem");
    expect((await judged(20, () => undefined)).verdict).toBe("ok");
  });

  test("that something else closes says after which silence, and where to look", async () => {
    const finding = await judged(65, (socket) => {
      socket.lastHeardAt = performance.now() + 3_000;
      socket.closing = { code: 1006, reason: "", at: socket.lastHeardAt + 9_960 };
    });
    expect(finding.verdict).toBe("problem");
    expect(finding.text).toStartWith("closed after 10.0 s of silence, not by the worker");
    expect(finding.fix.join("\n")).toContain("proxy_read_timeout 3600s;");
  });

  test("that the worker closes is another matter", async () => {
    const finding = await judged(65, (socket) => {
      socket.closing = { code: 1012, reason: "service restart", at: performance.now() };
    });
    expect(finding.text).toBe("the worker closed the connection (1012, service restart)");
  });
});
