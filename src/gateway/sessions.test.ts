import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  AUTH_OK_FRAME,
  errorFrame,
  type SocketErrorCode,
  statusFrame,
} from "../protocol/frames.ts";
import type { SocketEvent } from "../protocol/socket-event.ts";
import { signToken, type TokenResult, TokenVerifier } from "../protocol/token.ts";
import { Session, type SessionSocket } from "./session.ts";
import { Sessions } from "./sessions.ts";

const SECRET = "only for tests, only for tests, only for tests";
const VERIFIER = new TokenVerifier({ current: SECRET, previous: undefined });
const TOPIC = "contest_session.42";
const STATUS_TOPIC = "worker.status";
const USER = 7;
const ADDRESS = "203.0.113.9";

/** Unix seconds at which a scene begins. */
const WALL_START = 1_800_000_000;
/** Milliseconds of the monotonic clock at which a scene begins; a full second. */
const MONOTONIC_START = 5_000_000;

/** Long enough for everything that is on a clock to be due. */
const FOREVER_SECONDS = 300;

type Call =
  | readonly ["send", text: string]
  | readonly ["subscribe", topic: string]
  | readonly ["ping"]
  | readonly ["close", code: number, reason: string];

/** Writes down what is done to it. */
class FakeSocket implements SessionSocket {
  readonly calls: Call[] = [];
  /** Runs inside `close`, as a server may report a close before `close` returns. */
  onClose: () => void = () => undefined;
  buffered = 0;

  getBufferedAmount(): number {
    return this.buffered;
  }

  send(text: string): void {
    this.calls.push(["send", text]);
  }

  subscribe(topic: string): void {
    this.calls.push(["subscribe", topic]);
  }

  ping(): void {
    this.calls.push(["ping"]);
  }

  close(code: number, reason: string): void {
    this.calls.push(["close", code, reason]);
    this.onClose();
  }

  /** The calls since the last look. */
  take(): Call[] {
    return this.calls.splice(0);
  }
}

interface Client {
  readonly session: Session;
  readonly socket: FakeSocket;
}

interface SceneOptions {
  readonly verifier?: TokenVerifier;
  readonly random?: number;
  /** Of the monotonic clock, after a full second. */
  readonly startMs?: number;
}

/** Sessions with hands on both clocks, and all they have said. */
class Scene {
  readonly sessions: Sessions;
  readonly events: SocketEvent[] = [];
  readonly tokens: TokenResult[] = [];
  statusAsks = 0;
  wallMs = WALL_START * 1000;
  monotonicMs: number;

  constructor({ random = 0.999, startMs = 0, verifier = VERIFIER }: SceneOptions = {}) {
    this.monotonicMs = MONOTONIC_START + startMs;
    this.sessions = new Sessions({
      tokens: () => verifier,
      behindBytes: 128 * 1024,
      endangeredBytes: 512 * 1024,
      wallClock: () => this.wallMs,
      monotonicClock: () => this.monotonicMs,
      random: () => random,
      askStatus: () => {
        this.statusAsks += 1;
      },
      onToken: (result) => {
        this.tokens.push(result);
      },
      report: (event) => {
        this.events.push(event);
      },
    });
  }

  get wallSecond(): number {
    return Math.floor(this.wallMs / 1000);
  }

  open(topic: string, requireToken: boolean, address: string = ADDRESS): Client {
    const session = new Session(topic, requireToken, address);
    const socket = new FakeSocket();
    this.sessions.opened(session, socket);
    return { session, socket };
  }

  /** A client that has got in; what led there is forgotten. */
  admitted(topic: string = TOPIC, token: string = tokenFor({ topic })): Client {
    const client = this.open(topic, true);
    this.send(client, authFrame(token));
    expect(client.socket.take()).toContainEqual(["send", AUTH_OK_FRAME]);
    this.events.length = 0;
    return client;
  }

  send({ session }: Client, text: string | undefined): void {
    this.sessions.received(session, text);
  }

  /** Lets time pass without anybody looking. */
  pass(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }

  /** Lets time pass, then looks. */
  tickAfter(ms: number): void {
    this.pass(ms);
    this.sessions.tick();
  }

  /** Lets seconds pass, looking at each. */
  live(seconds: number): void {
    for (let second = 0; second < seconds; second += 1) {
      this.tickAfter(1000);
    }
  }

  takeEvents(): SocketEvent[] {
    return this.events.splice(0);
  }
}

function tokenFor(claims: { topic?: string; userId?: number; expires?: number }): string {
  const defaults = { topic: TOPIC, userId: USER, expires: WALL_START + 86_400 };
  return signToken({ ...defaults, ...claims }, SECRET);
}

function authFrame(token: unknown): string {
  return JSON.stringify({ type: "auth", token });
}

function refreshFrame(token: unknown): string {
  return JSON.stringify({ type: "refresh", token });
}

const STATUS_REQUEST = '{"type":"status"}';
const STATUS_ANSWER = statusFrame('{"status":"ok"}');

const REFUSED_CLOSE = ["close", 1008, "handshake failed"] as const;

function isClose([kind]: Call): boolean {
  return kind === "close";
}

describe("a handshake with a valid token", () => {
  test("subscribes the socket, then says auth_ok, then reports", () => {
    const scene = new Scene();
    const client = scene.open(TOPIC, true);
    expect(client.socket.calls).toEqual([]);
    scene.pass(250);
    scene.send(client, authFrame(tokenFor({})));
    expect(client.socket.calls).toEqual([
      ["subscribe", TOPIC],
      ["send", '{"type":"auth_ok"}'],
    ]);
    expect(scene.events).toEqual([
      { type: "connected", topic: TOPIC, userId: USER, address: ADDRESS, handshakeMs: 250 },
    ]);
    expect(scene.tokens).toEqual(["valid"]);
  });

  test("may come in the last instant", () => {
    const scene = new Scene();
    const client = scene.open(TOPIC, true);
    scene.tickAfter(9999);
    scene.send(client, authFrame(tokenFor({})));
    scene.tickAfter(1);
    expect(client.socket.calls).toEqual([
      ["subscribe", TOPIC],
      ["send", AUTH_OK_FRAME],
    ]);
  });

  test("lets in during the second in which the token expires", () => {
    const scene = new Scene();
    const client = scene.open(TOPIC, true);
    scene.pass(999);
    scene.send(client, authFrame(tokenFor({ expires: WALL_START })));
    expect(client.socket.calls).toEqual([
      ["subscribe", TOPIC],
      ["send", AUTH_OK_FRAME],
    ]);
  });

  test("is done once: what looks like another is ignored", () => {
    const scene = new Scene();
    const client = scene.admitted();
    scene.send(client, authFrame(tokenFor({ userId: 8 })));
    scene.send(client, authFrame("forged"));
    scene.send(client, authFrame(undefined));
    expect(client.socket.calls).toEqual([]);
    expect(scene.events).toEqual([]);
    scene.sessions.closed(client.session, 1001, "");
    expect(scene.events).toEqual([expect.objectContaining({ type: "disconnected", userId: USER })]);
  });

  test("of one client says nothing to another", () => {
    const scene = new Scene();
    const other = scene.open(TOPIC, true);
    scene.admitted();
    expect(other.socket.calls).toEqual([]);
  });
});

describe("a handshake that fails", () => {
  const NOT_AUTH = "first frame was not auth";
  const MALFORMED = "token malformed";
  const FORGED = "token signature does not match the secret";
  const good = tokenFor({});
  const forged = signToken({ topic: TOPIC, userId: 1, expires: WALL_START + 60 }, `${SECRET}x`);
  const swapped = `${tokenFor({ userId: 1 }).slice(0, -65)}${good.slice(-65)}`;

  const TABLE: readonly [
    what: string,
    frame: string | undefined,
    error: SocketErrorCode,
    cause: string,
  ][] = [
    ["a binary frame", undefined, "auth_required", NOT_AUTH],
    ["an empty frame", "", "auth_required", NOT_AUTH],
    ["a frame that is no JSON", "auth", "auth_required", NOT_AUTH],
    ["a frame that is no object", '["auth"]', "auth_required", NOT_AUTH],
    ["a frame of unknown type", '{"type":"hello"}', "auth_required", NOT_AUTH],
    ["a frame without type", `{"token":"${good}"}`, "auth_required", NOT_AUTH],
    ["a status request", STATUS_REQUEST, "auth_required", NOT_AUTH],
    ["a refresh", refreshFrame(good), "auth_required", NOT_AUTH],
    ["a frame of our own kind", AUTH_OK_FRAME, "auth_required", NOT_AUTH],
    ["no token", '{"type":"auth"}', "auth_required", "no token"],
    ["a token of null", authFrame(null), "auth_required", "no token"],
    ["an empty token", authFrame(""), "auth_required", "no token"],
    ["a token that is a number", authFrame(5), "unauthorized", MALFORMED],
    ["a token that is an object", authFrame({}), "unauthorized", MALFORMED],
    ["a token that is no token", authFrame("secret"), "unauthorized", MALFORMED],
    ["a token in capitals", authFrame(good.toUpperCase()), "unauthorized", MALFORMED],
    ["a token cut short", authFrame(good.slice(0, -1)), "unauthorized", MALFORMED],
    ["a token of another secret", authFrame(forged), "unauthorized", FORGED],
    ["another token's signature", authFrame(swapped), "unauthorized", FORGED],
    [
      "a token that expired a second ago",
      authFrame(tokenFor({ expires: WALL_START - 1 })),
      "unauthorized",
      "token expired",
    ],
    [
      "a token for another topic",
      authFrame(tokenFor({ topic: `${TOPIC}3` })),
      "unauthorized",
      "token is for another topic",
    ],
  ];

  for (const [what, frame, error, cause] of TABLE) {
    test(`because of ${what} is told ${error} and closed; the log learns: ${cause}`, () => {
      const scene = new Scene();
      const client = scene.open(TOPIC, true);
      scene.send(client, frame);
      expect(client.socket.calls).toEqual([["send", errorFrame(error)], REFUSED_CLOSE]);
      expect(scene.events).toEqual([]);
      scene.sessions.closed(client.session, 1006, "");
      expect(scene.events).toEqual([
        { type: "refused", topic: TOPIC, address: ADDRESS, cause: "auth", reason: cause },
      ]);
    });

    test(`because of ${what} asks nothing and leaves nothing on the clocks`, () => {
      const scene = new Scene();
      const client = scene.open(STATUS_TOPIC, true);
      scene.send(client, frame);
      client.socket.take();
      scene.live(FOREVER_SECONDS);
      expect(client.socket.calls).toEqual([]);
      expect(scene.statusAsks).toBe(0);
    });
  }

  test("is counted by what is wrong with the token, if one was checked", () => {
    const faults: Readonly<Record<string, TokenResult>> = {
      [MALFORMED]: "malformed",
      [FORGED]: "forged",
      "token expired": "expired",
      "token is for another topic": "other_topic",
    };
    for (const [, frame, error, cause] of TABLE) {
      const scene = new Scene();
      scene.send(scene.open(TOPIC, true), frame);
      expect(scene.tokens).toEqual(error === "unauthorized" ? [faults[cause] ?? "valid"] : []);
    }
  });

  test("tells the client no more than it must: one answer for every bad token", () => {
    const answers = TABLE.filter(([, , error]) => error === "unauthorized").map(([, frame]) => {
      const scene = new Scene();
      const client = scene.open(TOPIC, true);
      scene.send(client, frame);
      return JSON.stringify(client.socket.calls);
    });
    expect(new Set(answers).size).toBe(1);
  });
});

describe("while the secret is being changed", () => {
  const FORMER = `${SECRET}, the former one`;
  const verifier = new TokenVerifier({ current: SECRET, previous: FORMER });
  const claims = { topic: TOPIC, userId: USER, expires: WALL_START + 60 };
  const used = { type: "previous_secret_used", topic: TOPIC, userId: USER, address: ADDRESS };

  test("a token of the former one is let in, and that is told first", () => {
    const scene = new Scene({ verifier });
    const client = scene.open(TOPIC, true);
    scene.send(client, authFrame(signToken(claims, FORMER)));
    expect(client.socket.calls).toContainEqual(["send", AUTH_OK_FRAME]);
    expect(scene.events).toEqual([
      used,
      { type: "connected", topic: TOPIC, userId: USER, address: ADDRESS, handshakeMs: 0 },
    ] as SocketEvent[]);
  });

  test("so is a refresh with one, and one that is refused is not", () => {
    const scene = new Scene({ verifier });
    const client = scene.admitted();
    scene.send(client, refreshFrame(signToken({ ...claims, userId: 8 }, FORMER)));
    expect(scene.takeEvents().map(({ type }) => type)).toEqual(["refresh_refused"]);
    scene.pass(1000);
    scene.send(client, refreshFrame(signToken(claims, FORMER)));
    expect(scene.takeEvents()).toMatchObject([used, { type: "refreshed" }]);
  });

  test("nothing is told of a token of the new one", () => {
    const scene = new Scene({ verifier });
    scene.send(scene.open(TOPIC, true), authFrame(tokenFor({})));
    expect(scene.events.map(({ type }) => type)).toEqual(["connected"]);
  });
});

describe("a topic that requires no token", () => {
  const TABLE: readonly [what: string, frame: string][] = [
    ["no token", '{"type":"auth"}'],
    ["an empty token", authFrame("")],
    ["a valid token", authFrame(tokenFor({}))],
    ["a token for another topic", authFrame(tokenFor({ topic: "other" }))],
    ["an expired token", authFrame(tokenFor({ expires: WALL_START - 1 }))],
    ["a token that is no token", authFrame("anything")],
    ["a token that is no text", authFrame(5)],
  ];
  for (const [what, frame] of TABLE) {
    test(`lets in with ${what}, as nobody and for good`, () => {
      const scene = new Scene();
      const client = scene.open(TOPIC, false);
      scene.send(client, frame);
      expect(client.socket.take()).toEqual([
        ["subscribe", TOPIC],
        ["send", AUTH_OK_FRAME],
      ]);
      expect(scene.events).toEqual([
        { type: "connected", topic: TOPIC, userId: 0, address: ADDRESS, handshakeMs: 0 },
      ]);
      // None is checked where none is needed.
      expect(scene.tokens).toEqual([]);
      for (let minute = 0; minute < 60; minute += 1) {
        scene.sessions.seen(client.session);
        scene.tickAfter(30_000);
      }
      expect(client.socket.calls.filter(([kind]) => kind !== "ping")).toEqual([]);
    });
  }

  test("still wants an auth frame first", () => {
    const scene = new Scene();
    const client = scene.open(TOPIC, false);
    scene.send(client, '{"type":"hello"}');
    expect(client.socket.calls).toEqual([["send", errorFrame("auth_required")], REFUSED_CLOSE]);
  });
});

describe("a client that says nothing", () => {
  test("is closed after 10 s, not after 9.9", () => {
    const scene = new Scene();
    const client = scene.open(TOPIC, true);
    scene.live(9);
    scene.tickAfter(900);
    expect(client.socket.calls).toEqual([]);
    scene.tickAfter(100);
    expect(client.socket.calls).toEqual([["close", 1008, "no auth frame in time"]]);
    scene.sessions.closed(client.session, 1006, "");
    expect(scene.events).toEqual([
      {
        type: "refused",
        topic: TOPIC,
        address: ADDRESS,
        cause: "handshake_timeout",
        reason: "no auth frame in time",
      },
    ]);
  });

  test("is closed even if it answers pings", () => {
    const scene = new Scene();
    const client = scene.open(TOPIC, true);
    for (let second = 0; second < 10; second += 1) {
      scene.sessions.seen(client.session);
      scene.live(1);
    }
    expect(client.socket.calls.map(([kind]) => kind)).toEqual(["close"]);
  });

  test("has its full 10 s wherever in a second it comes, and less than two more", () => {
    const part = fc.integer({ min: 0, max: 999 });
    fc.assert(
      fc.property(part, part, (startMs, phase) => {
        const scene = new Scene({ startMs });
        const { socket } = scene.open(TOPIC, true);
        const openedAt = scene.monotonicMs;
        scene.tickAfter(phase);
        while (socket.calls.length === 0 && scene.monotonicMs - openedAt < 60_000) {
          scene.live(1);
        }
        expect(scene.monotonicMs - openedAt).toBeGreaterThanOrEqual(10_000);
        expect(scene.monotonicMs - openedAt).toBeLessThan(12_000);
      }),
    );
  });

  test("is closed on time whatever happens to the wall clock", () => {
    for (const leap of [-1_000_000_000_000, 1_000_000_000_000]) {
      const scene = new Scene();
      const { socket } = scene.open(TOPIC, true);
      scene.wallMs += leap;
      scene.live(9);
      expect(socket.calls).toEqual([]);
      scene.live(1);
      expect(socket.calls.map(([kind]) => kind)).toEqual(["close"]);
    }
  });
});

describe("a status request", () => {
  test("is asked at once and answered when the answer is there", () => {
    const scene = new Scene();
    const client = scene.admitted(STATUS_TOPIC);
    scene.send(client, STATUS_REQUEST);
    expect(scene.statusAsks).toBe(1);
    expect(client.socket.calls).toEqual([]);
    scene.sessions.answerStatus(STATUS_ANSWER);
    expect(client.socket.calls).toEqual([["send", STATUS_ANSWER]]);
  });

  test("is ignored on any other topic", () => {
    const scene = new Scene();
    for (const topic of [TOPIC, "worker.status2", "Worker.Status", "worker"]) {
      const client = scene.admitted(topic);
      scene.send(client, STATUS_REQUEST);
      scene.sessions.answerStatus(STATUS_ANSWER);
      expect(client.socket.calls).toEqual([]);
    }
    expect(scene.statusAsks).toBe(0);
  });

  test("is ignored within 700 ms of the last one that was not", () => {
    const scene = new Scene();
    const client = scene.admitted(STATUS_TOPIC);
    const asksAfter = (ms: number): number => {
      scene.pass(ms);
      scene.send(client, STATUS_REQUEST);
      scene.sessions.answerStatus(STATUS_ANSWER);
      return scene.statusAsks;
    };
    expect(asksAfter(0)).toBe(1);
    expect(asksAfter(0)).toBe(1);
    expect(asksAfter(699)).toBe(1);
    expect(asksAfter(1)).toBe(2);
    expect(asksAfter(699.5)).toBe(2);
    expect(asksAfter(0.5)).toBe(3);
    expect(client.socket.calls.length).toBe(3);
  });

  test("is limited for each socket by itself", () => {
    const scene = new Scene();
    const first = scene.admitted(STATUS_TOPIC);
    const second = scene.admitted(STATUS_TOPIC);
    scene.send(first, STATUS_REQUEST);
    scene.sessions.answerStatus(STATUS_ANSWER);
    scene.send(second, STATUS_REQUEST);
    scene.sessions.answerStatus(STATUS_ANSWER);
    expect(first.socket.calls).toEqual([["send", STATUS_ANSWER]]);
    expect(second.socket.calls).toEqual([["send", STATUS_ANSWER]]);
  });

  test("is not held up by frames that are none", () => {
    const scene = new Scene();
    const client = scene.admitted(STATUS_TOPIC);
    for (const frame of ["", "status", '{"type":"Status"}', authFrame("x"), undefined]) {
      scene.send(client, frame);
    }
    expect(scene.statusAsks).toBe(0);
    scene.send(client, STATUS_REQUEST);
    expect(scene.statusAsks).toBe(1);
  });

  test("joins one that is on its way: everybody gets the same answer", () => {
    const scene = new Scene();
    const clients = Array.from({ length: 50 }, () => scene.admitted(STATUS_TOPIC));
    for (const client of clients) {
      scene.send(client, STATUS_REQUEST);
    }
    expect(scene.statusAsks).toBe(1);
    scene.sessions.answerStatus(STATUS_ANSWER);
    for (const { socket } of clients) {
      expect(socket.calls).toEqual([["send", STATUS_ANSWER]]);
    }
  });

  test("is answered once, and only to those who asked", () => {
    const scene = new Scene();
    const asking = scene.admitted(STATUS_TOPIC);
    const silent = scene.admitted(STATUS_TOPIC);
    scene.send(asking, STATUS_REQUEST);
    scene.sessions.answerStatus(STATUS_ANSWER);
    scene.sessions.answerStatus(STATUS_ANSWER);
    expect(asking.socket.calls).toEqual([["send", STATUS_ANSWER]]);
    expect(silent.socket.calls).toEqual([]);
  });

  test("is asked anew after an answer", () => {
    const scene = new Scene();
    const first = scene.admitted(STATUS_TOPIC);
    const second = scene.admitted(STATUS_TOPIC);
    scene.send(first, STATUS_REQUEST);
    scene.sessions.answerStatus("old");
    scene.send(second, STATUS_REQUEST);
    expect(scene.statusAsks).toBe(2);
    scene.sessions.answerStatus("new");
    expect(first.socket.calls).toEqual([["send", "old"]]);
    expect(second.socket.calls).toEqual([["send", "new"]]);
  });

  test("of a client that has gone is answered to the others alone", () => {
    const scene = new Scene();
    const gone = scene.admitted(STATUS_TOPIC);
    const here = scene.admitted(STATUS_TOPIC);
    scene.send(gone, STATUS_REQUEST);
    scene.send(here, STATUS_REQUEST);
    scene.sessions.closed(gone.session, 1001, "");
    scene.sessions.answerStatus(STATUS_ANSWER);
    expect(gone.socket.calls).toEqual([]);
    expect(here.socket.calls).toEqual([["send", STATUS_ANSWER]]);
  });

  test("of a client that has been closed meanwhile is not answered", () => {
    const scene = new Scene();
    const client = scene.admitted(STATUS_TOPIC);
    scene.send(client, STATUS_REQUEST);
    scene.sessions.closeAll();
    expect(client.socket.take().map(([kind]) => kind)).toEqual(["close"]);
    scene.sessions.answerStatus(STATUS_ANSWER);
    expect(client.socket.calls).toEqual([]);
  });
});

describe("a token that expires while its socket is open", () => {
  const EXPIRES = WALL_START + 20;

  test("is good for the whole second it names and ends the socket with the next", () => {
    const scene = new Scene();
    const client = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
    scene.live(20);
    expect(scene.wallSecond).toBe(EXPIRES);
    scene.tickAfter(999);
    expect(client.socket.calls).toEqual([]);
    scene.tickAfter(1);
    expect(client.socket.calls).toEqual([
      ["send", errorFrame("auth_expired")],
      ["close", 4401, "token expired"],
    ]);
    scene.sessions.closed(client.session, 1006, "");
    expect(scene.events).toEqual([
      {
        type: "disconnected",
        topic: TOPIC,
        userId: USER,
        address: ADDRESS,
        code: 4401,
        reason: "token expired",
        durationMs: 21_000,
      },
    ]);
  });

  test("ends no other socket", () => {
    const scene = new Scene();
    const first = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
    const second = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES + 1 }));
    scene.live(21);
    expect(first.socket.take().filter(isClose)).toEqual([["close", 4401, "token expired"]]);
    expect(second.socket.calls).toEqual([]);
    scene.live(1);
    expect(second.socket.take().filter(isClose)).toEqual([["close", 4401, "token expired"]]);
  });

  test("ends the socket a second after a handshake in its last one", () => {
    const scene = new Scene();
    const client = scene.admitted(TOPIC, tokenFor({ expires: WALL_START }));
    scene.live(1);
    expect(client.socket.take().filter(isClose)).toEqual([["close", 4401, "token expired"]]);
  });

  test("is noticed when the wall clock is set forward by years", () => {
    const scene = new Scene();
    const short = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
    const long = scene.admitted(TOPIC, tokenFor({ expires: Number.MAX_SAFE_INTEGER }));
    scene.wallMs += 10 * 365 * 86_400_000;
    scene.live(1);
    expect(short.socket.take().filter(isClose)).toEqual([["close", 4401, "token expired"]]);
    expect(long.socket.calls).toEqual([]);
  });

  test("has not expired for a wall clock that has been set back", () => {
    const scene = new Scene();
    const client = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
    scene.live(15);
    scene.wallMs -= 15_000;
    scene.live(20);
    expect(client.socket.calls.filter(isClose)).toEqual([]);
    scene.live(1);
    expect(client.socket.calls.filter(isClose)).toEqual([["close", 4401, "token expired"]]);
  });

  test("is kept to by a client that comes right after the clock was set back", () => {
    const scene = new Scene();
    scene.live(1);
    scene.wallMs -= 3_600_000;
    const expires = scene.wallSecond + 60;
    const client = scene.admitted(TOPIC, tokenFor({ expires }));
    scene.live(30);
    scene.sessions.seen(client.session);
    scene.live(30);
    expect(client.socket.calls.filter(isClose)).toEqual([]);
    scene.live(1);
    expect(client.socket.calls.filter(isClose)).toEqual([["close", 4401, "token expired"]]);
  });

  test("is nobody's business after its socket has gone", () => {
    const scene = new Scene();
    const client = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
    scene.sessions.closed(client.session, 1001, "");
    scene.live(FOREVER_SECONDS);
    expect(client.socket.calls).toEqual([]);
  });
});

describe("a refresh", () => {
  const EXPIRES = WALL_START + 20;
  const UNAUTHORIZED = ["send", errorFrame("unauthorized")] as const;

  function refreshed(expires: number): Call {
    return ["send", `{"type":"refreshed","expires":${expires}}`];
  }

  /** Lives on second by second, and returns the second at which the socket is closed. */
  function endOf(scene: Scene, { session, socket }: Client): number | undefined {
    for (let second = 0; second < FOREVER_SECONDS; second += 1) {
      scene.sessions.seen(session);
      scene.live(1);
      if (socket.take().some(isClose)) {
        return scene.wallSecond;
      }
    }
    return undefined;
  }

  test.each([
    ["later", EXPIRES + 100],
    ["earlier", EXPIRES - 10],
    ["the same", EXPIRES],
  ])("with a token that expires %s: the socket lives as long as that says", (_when, expires) => {
    const scene = new Scene();
    const client = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
    scene.live(5);
    scene.send(client, refreshFrame(tokenFor({ expires })));
    expect(client.socket.take()).toEqual([refreshed(expires)]);
    expect(scene.takeEvents()).toEqual([
      { type: "refreshed", topic: TOPIC, userId: USER, address: ADDRESS, expires },
    ]);
    expect(endOf(scene, client)).toBe(expires + 1);
  });

  test("may come again and again: the last one counts", () => {
    const scene = new Scene();
    const client = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
    for (const expires of [EXPIRES + 50, EXPIRES + 90, EXPIRES + 30]) {
      scene.live(2);
      scene.send(client, refreshFrame(tokenFor({ expires })));
      expect(client.socket.take()).toEqual([refreshed(expires)]);
    }
    expect(endOf(scene, client)).toBe(EXPIRES + 31);
  });

  test("with a token for ever is good for ever", () => {
    const scene = new Scene();
    const client = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
    const expires = Number.MAX_SAFE_INTEGER;
    scene.send(client, refreshFrame(tokenFor({ expires })));
    expect(client.socket.take()).toEqual([refreshed(expires)]);
    expect(endOf(scene, client)).toBeUndefined();
  });

  test("works in the last second, and not in the next, whether or not that has been looked at", () => {
    for (const [ms, isInTime] of [
      [20_999, true],
      [21_000, false],
    ] as const) {
      const scene = new Scene();
      const client = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
      scene.pass(ms);
      scene.send(client, refreshFrame(tokenFor({ expires: EXPIRES + 100 })));
      const expired = [
        ["send", errorFrame("auth_expired")],
        ["close", 4401, "token expired"],
      ] as const;
      expect(client.socket.take()).toEqual(isInTime ? [refreshed(EXPIRES + 100)] : [...expired]);
      scene.sessions.tick();
      expect(client.socket.calls).toEqual([]);
    }
  });

  const BAD: readonly [what: string, frame: string, reason: string][] = [
    ["no token", '{"type":"refresh"}', "no token"],
    ["an empty token", refreshFrame(""), "no token"],
    ["a token that is a number", refreshFrame(5), "token malformed"],
    ["a token that is no token", refreshFrame("secret"), "token malformed"],
    [
      "a forged token",
      refreshFrame(signToken({ topic: TOPIC, userId: USER, expires: EXPIRES + 9 }, `${SECRET}x`)),
      "token signature does not match the secret",
    ],
    ["an expired token", refreshFrame(tokenFor({ expires: WALL_START - 1 })), "token expired"],
    [
      "a token for another topic",
      refreshFrame(tokenFor({ topic: `${TOPIC}3` })),
      "token is for another topic",
    ],
    ["another user's token", refreshFrame(tokenFor({ userId: 8 })), "token is for another user"],
    ["nobody's token", refreshFrame(tokenFor({ userId: 0 })), "token is for another user"],
  ];
  for (const [what, frame, reason] of BAD) {
    test(`with ${what} is unauthorized, and the old one goes on as it was`, () => {
      const scene = new Scene();
      const client = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
      scene.send(client, frame);
      expect(client.socket.take()).toEqual([UNAUTHORIZED]);
      expect(scene.takeEvents()).toEqual([
        { type: "refresh_refused", topic: TOPIC, userId: USER, address: ADDRESS, reason },
      ]);
      expect(endOf(scene, client)).toBe(EXPIRES + 1);
      scene.sessions.closed(client.session, 1006, "");
      expect(scene.events).toMatchObject([{ type: "disconnected", userId: USER, code: 4401 }]);
    });
  }

  test("of a user without a number must be nobody's too", () => {
    const scene = new Scene();
    const client = scene.admitted(TOPIC, tokenFor({ userId: 0 }));
    scene.send(client, refreshFrame(tokenFor({ userId: USER })));
    expect(client.socket.take()).toEqual([UNAUTHORIZED]);
  });

  test("that comes within a second of the last one, good or bad, is ignored", () => {
    const scene = new Scene();
    const client = scene.admitted();
    const answerAfter = (ms: number, frame: string): number => {
      scene.pass(ms);
      scene.send(client, frame);
      return client.socket.take().length;
    };
    const good = refreshFrame(tokenFor({}));
    const bad = refreshFrame("forged");
    expect(answerAfter(0, bad)).toBe(1);
    expect(answerAfter(0, good)).toBe(0);
    expect(answerAfter(999, bad)).toBe(0);
    expect(answerAfter(1, good)).toBe(1);
    expect(answerAfter(999.5, good)).toBe(0);
    expect(answerAfter(0.5, good)).toBe(1);
    expect(scene.events.length).toBe(3);
  });

  test("is limited for each socket by itself", () => {
    const scene = new Scene();
    for (const client of [scene.admitted(), scene.admitted()]) {
      scene.send(client, refreshFrame("forged"));
      expect(client.socket.take()).toEqual([UNAUTHORIZED]);
    }
  });

  test("is checked once a second at most, however much there is of what looks like one", () => {
    let checks = 0;
    const scene = new Scene({
      verifier: new (class extends TokenVerifier {
        override verify(...args: Parameters<TokenVerifier["verify"]>) {
          checks += 1;
          return super.verify(...args);
        }
      })({ current: SECRET, previous: undefined }),
    });
    const client = scene.admitted();
    for (let count = 0; count < 1000; count += 1) {
      scene.send(client, refreshFrame(tokenFor({ userId: count })));
      scene.pass(1);
    }
    // The handshake's, and one.
    expect(checks).toBe(2);
  });

  test("on worker.status holds no status request up, nor the other way round", () => {
    const scene = new Scene();
    const client = scene.admitted(STATUS_TOPIC);
    const refresh = refreshFrame(tokenFor({ topic: STATUS_TOPIC, expires: EXPIRES }));
    for (const frames of [
      [STATUS_REQUEST, refresh],
      [refresh, STATUS_REQUEST],
    ]) {
      for (const frame of frames) {
        scene.send(client, frame);
      }
      scene.sessions.answerStatus(STATUS_ANSWER);
      expect(client.socket.take()).toEqual([refreshed(EXPIRES), ["send", STATUS_ANSWER]]);
      scene.pass(1000);
    }
  });

  test("is found wherever in the frame it stands", () => {
    const token = tokenFor({ expires: EXPIRES });
    for (const frame of [
      `{"token":"${token}","type":"refresh"}`,
      ` {\n"more" : 1, "type" : "refresh" , "token" : "${token}" } `,
    ]) {
      const scene = new Scene();
      const client = scene.admitted();
      scene.send(client, frame);
      expect(client.socket.take()).toEqual([refreshed(EXPIRES)]);
    }
  });

  test("leaves what only mentions it alone", () => {
    const scene = new Scene();
    const client = scene.admitted();
    for (const frame of [
      '"refresh"',
      '{"type":"other","token":"refresh"}',
      '{"refresh":',
      "refresh",
    ]) {
      scene.send(client, frame);
      scene.pass(1000);
    }
    expect(client.socket.calls).toEqual([]);
    expect(scene.events).toEqual([]);
  });

  test("ends with the socket, and nothing of it stays on the clocks", () => {
    const scene = new Scene();
    const client = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
    scene.send(client, refreshFrame(tokenFor({ expires: EXPIRES + 30 })));
    client.socket.take();
    scene.sessions.closed(client.session, 1001, "");
    scene.live(FOREVER_SECONDS);
    expect(client.socket.calls).toEqual([]);
  });

  test("is kept to after the clock was set back", () => {
    const scene = new Scene();
    const client = scene.admitted(TOPIC, tokenFor({ expires: EXPIRES }));
    scene.wallMs -= 3_600_000;
    const expires = scene.wallSecond + 60;
    scene.send(client, refreshFrame(tokenFor({ expires })));
    expect(client.socket.take()).toEqual([refreshed(expires)]);
    expect(endOf(scene, client)).toBe(expires + 1);
  });

  describe("on a topic that requires no token", () => {
    test("is answered when the token is good, and neither names nor ends anybody", () => {
      const scene = new Scene();
      const client = scene.open(TOPIC, false);
      scene.send(client, authFrame(undefined));
      client.socket.take();
      scene.takeEvents();
      scene.send(client, refreshFrame(tokenFor({ expires: EXPIRES })));
      expect(client.socket.take()).toEqual([refreshed(EXPIRES)]);
      expect(scene.takeEvents()).toMatchObject([{ type: "refreshed", userId: 0 }]);
      expect(endOf(scene, client)).toBeUndefined();
    });

    test("is unauthorized when it is not", () => {
      const scene = new Scene();
      const client = scene.open(TOPIC, false);
      scene.send(client, authFrame(undefined));
      client.socket.take();
      scene.send(client, refreshFrame("forged"));
      expect(client.socket.take()).toEqual([UNAUTHORIZED]);
      expect(endOf(scene, client)).toBeUndefined();
    });
  });
});

describe("keep-alive", () => {
  /** Seconds after the handshake at which a client that answers every ping is pinged. */
  function pingsWithin(seconds: number, random: number): number[] {
    const scene = new Scene({ random });
    const client = scene.admitted();
    const pings: number[] = [];
    for (let second = 1; second <= seconds; second += 1) {
      scene.live(1);
      for (const call of client.socket.take()) {
        expect(call).toEqual(["ping"]);
        pings.push(second);
        scene.sessions.seen(client.session);
      }
    }
    return pings;
  }

  test.each([
    [0, [1, 31, 61, 91]],
    [0.5, [16, 46, 76, 106]],
    [0.999, [30, 60, 90, 120]],
  ])("pings every 30 s after a first time that chance (%p) decides", (random, pings) => {
    expect(pingsWithin(120, random)).toEqual(pings);
  });

  test("spreads first pings evenly over 30 s", () => {
    const firsts = Array.from({ length: 30 }, (_, index) => pingsWithin(30, index / 30)[0]);
    expect(firsts).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  });

  test.each([
    [0, [1, 31]],
    [0.5, [16, 46]],
    [0.999, [30]],
  ])("closes a peer that has been silent for 60 s, not before (chance %p)", (random, pings) => {
    const scene = new Scene({ random });
    const client = scene.admitted();
    scene.live(59);
    expect(client.socket.take()).toEqual(pings.map(() => ["ping"]));
    scene.tickAfter(999);
    expect(client.socket.take()).toEqual([]);
    scene.tickAfter(1);
    expect(client.socket.take()).toEqual([["close", 1001, "no sign of life"]]);
    scene.sessions.closed(client.session, 1006, "");
    expect(scene.events).toEqual([
      {
        type: "disconnected",
        topic: TOPIC,
        userId: USER,
        address: ADDRESS,
        code: 1001,
        reason: "no sign of life",
        durationMs: 60_000,
      },
    ]);
  });

  const SIGNS: readonly [what: string, give: (scene: Scene, client: Client) => void][] = [
    ["a ping or pong", (scene, { session }) => scene.sessions.seen(session)],
    ["a text frame", (scene, client) => scene.send(client, "hello")],
    ["a binary frame", (scene, client) => scene.send(client, undefined)],
    ["another auth frame", (scene, client) => scene.send(client, '{"type":"auth"}')],
  ];
  for (const [what, give] of SIGNS) {
    test(`takes ${what} for a sign of life`, () => {
      const scene = new Scene();
      const client = scene.admitted();
      scene.live(59);
      give(scene, client);
      client.socket.take();
      scene.live(59);
      expect(client.socket.take().filter(isClose)).toEqual([]);
      scene.live(1);
      expect(client.socket.take()).toEqual([["close", 1001, "no sign of life"]]);
    });
  }

  test("lets a peer live for 60 s after any sign, and pings at least every 30 s till then", () => {
    const random = fc.double({ min: 0, max: 0.999, noNaN: true });
    const pause = fc.integer({ min: 1, max: 59 });
    fc.assert(
      fc.property(random, fc.array(pause, { maxLength: 8 }), (chance, pauses) => {
        const scene = new Scene({ random: chance });
        const client = scene.admitted();
        let sinceCall = 0;
        const liveOn = (seconds: number): void => {
          for (let second = 0; second < seconds; second += 1) {
            scene.live(1);
            sinceCall += 1;
            for (const call of client.socket.take()) {
              expect(call).toEqual(["ping"]);
              sinceCall = 0;
            }
            expect(sinceCall).toBeLessThanOrEqual(30);
          }
        };
        for (const seconds of pauses) {
          liveOn(seconds);
          scene.sessions.seen(client.session);
        }
        liveOn(59);
        scene.live(1);
        expect(client.socket.calls).toEqual([["close", 1001, "no sign of life"]]);
      }),
    );
  });

  test("does not depend on the wall clock", () => {
    const scene = new Scene();
    const client = scene.open(TOPIC, false);
    scene.send(client, '{"type":"auth"}');
    client.socket.take();
    scene.wallMs += 1_000_000_000_000;
    scene.live(29);
    expect(client.socket.calls).toEqual([]);
    scene.wallMs -= 2_000_000_000_000;
    scene.live(1);
    expect(client.socket.calls).toEqual([["ping"]]);
  });

  test("does not ping before the handshake is done", () => {
    const scene = new Scene({ random: 0 });
    const client = scene.open(TOPIC, true);
    scene.live(9);
    expect(client.socket.calls).toEqual([]);
  });
});

describe("a frame that means nothing", () => {
  const FRAMES = ["", "null", "{", '{"type":"push","payload":1}', '{"type":"other"}', undefined];
  test.each([TOPIC, STATUS_TOPIC])("is ignored on %s", (topic) => {
    const scene = new Scene();
    const client = scene.admitted(topic);
    for (const frame of FRAMES) {
      scene.send(client, frame);
    }
    expect(client.socket.calls).toEqual([]);
    expect(scene.events).toEqual([]);
    expect(scene.statusAsks).toBe(0);
  });
});

describe("after the worker has closed a socket", () => {
  const ENDS: readonly [how: string, end: (scene: Scene) => Client][] = [
    [
      "because of a bad first frame",
      (scene) => {
        const client = scene.open(STATUS_TOPIC, true);
        scene.send(client, "hello");
        return client;
      },
    ],
    [
      "because no frame came in time",
      (scene) => {
        const client = scene.open(STATUS_TOPIC, true);
        scene.live(10);
        return client;
      },
    ],
    [
      "because the token has expired",
      (scene) => {
        const expires = scene.wallSecond;
        const client = scene.admitted(STATUS_TOPIC, tokenFor({ topic: STATUS_TOPIC, expires }));
        scene.live(1);
        return client;
      },
    ],
    [
      "because it was silent",
      (scene) => {
        const client = scene.admitted(STATUS_TOPIC);
        scene.live(60);
        return client;
      },
    ],
    [
      "because it stops",
      (scene) => {
        const client = scene.admitted(STATUS_TOPIC);
        scene.sessions.closeAll();
        return client;
      },
    ],
  ];
  const FRAMES: readonly [what: string, frame: string | undefined][] = [
    ["a valid auth frame", authFrame(tokenFor({ topic: STATUS_TOPIC }))],
    ["a status request", STATUS_REQUEST],
    ["a good refresh", refreshFrame(tokenFor({ topic: STATUS_TOPIC }))],
    ["a bad refresh", refreshFrame("forged")],
    ["a frame that is no JSON", "hello"],
    ["a binary frame", undefined],
  ];

  for (const [how, end] of ENDS) {
    for (const [what, frame] of FRAMES) {
      test(`${how}, ${what} is ignored`, () => {
        const scene = new Scene();
        const client = end(scene);
        expect(client.socket.take().filter(isClose).length).toBe(1);
        scene.send(client, frame);
        scene.sessions.answerStatus(STATUS_ANSWER);
        expect(client.socket.calls).toEqual([]);
        expect(scene.statusAsks).toBe(0);
      });
    }

    test(`${how}, no clock touches it again`, () => {
      const scene = new Scene();
      const client = end(scene);
      client.socket.take();
      scene.live(FOREVER_SECONDS);
      scene.sessions.seen(client.session);
      scene.wallMs += 1_000_000_000_000;
      scene.live(FOREVER_SECONDS);
      expect(client.socket.calls).toEqual([]);
    });

    test(`${how}, it counts as open until it is gone`, () => {
      const scene = new Scene();
      const client = end(scene);
      expect(scene.sessions.size).toBe(1);
      scene.sessions.closed(client.session, 1006, "");
      expect(scene.sessions.size).toBe(0);
    });
  }

  test("and it has gone, frames of it change nothing", () => {
    const scene = new Scene();
    const client = scene.admitted(STATUS_TOPIC);
    scene.sessions.closed(client.session, 1001, "");
    scene.takeEvents();
    for (const [, frame] of FRAMES) {
      scene.send(client, frame);
    }
    scene.sessions.answerStatus(STATUS_ANSWER);
    scene.live(FOREVER_SECONDS);
    expect(client.socket.calls).toEqual([]);
    expect(scene.events).toEqual([]);
    expect(scene.statusAsks).toBe(0);
  });
});

describe("stopping", () => {
  const RESTART = ["close", 1012, "service restart"] as const;

  test("closes every socket with 1012, authenticated or not", () => {
    const scene = new Scene();
    const clients = [scene.admitted(), scene.open(TOPIC, true), scene.open("other", false)];
    expect(scene.sessions.size).toBe(3);
    scene.sessions.closeAll();
    for (const { socket } of clients) {
      expect(socket.calls).toEqual([RESTART]);
    }
  });

  test("turns away whoever still comes in", () => {
    const scene = new Scene();
    scene.sessions.closeAll();
    const late = scene.open(TOPIC, true);
    expect(late.socket.calls).toEqual([RESTART]);
  });

  test("may be asked for twice", () => {
    const scene = new Scene();
    const client = scene.admitted();
    scene.sessions.closeAll();
    scene.sessions.closeAll();
    expect(client.socket.calls).toEqual([RESTART]);
  });

  test("leaves alone what is closing already", () => {
    const scene = new Scene();
    const client = scene.open(TOPIC, true);
    scene.send(client, "hello");
    client.socket.take();
    scene.sessions.closeAll();
    expect(client.socket.calls).toEqual([]);
  });

  test("reaches everyone when sockets are gone before close returns", () => {
    const scene = new Scene();
    const clients = Array.from({ length: 100 }, () => scene.admitted());
    for (const { session, socket } of clients) {
      socket.onClose = () => scene.sessions.closed(session, 1006, "");
    }
    scene.sessions.closeAll();
    expect(scene.sessions.size).toBe(0);
    expect(scene.events.length).toBe(100);
    for (const { socket } of clients) {
      expect(socket.calls).toEqual([RESTART]);
    }
  });

  test("is reported as the end of those who were in, and a refusal of those who were not", () => {
    const scene = new Scene();
    const inside = scene.admitted();
    const outside = scene.open(TOPIC, true);
    scene.pass(1234.5678);
    scene.sessions.closeAll();
    scene.sessions.closed(inside.session, 1006, "");
    scene.sessions.closed(outside.session, 1006, "");
    expect(scene.events).toEqual([
      {
        type: "disconnected",
        topic: TOPIC,
        userId: USER,
        address: ADDRESS,
        code: 1012,
        reason: "service restart",
        durationMs: 1235,
      },
      {
        type: "refused",
        topic: TOPIC,
        address: ADDRESS,
        cause: "closed_before_auth",
        reason: "service restart",
      },
    ]);
  });
});

describe("a socket that goes by itself", () => {
  test("is reported with the server's code and reason and the time since its upgrade", () => {
    const scene = new Scene();
    const client = scene.open(TOPIC, true);
    scene.pass(400);
    scene.send(client, authFrame(tokenFor({})));
    scene.takeEvents();
    scene.pass(61_000);
    scene.sessions.closed(client.session, 1001, "tab closed");
    expect(scene.events).toEqual([
      {
        type: "disconnected",
        topic: TOPIC,
        userId: USER,
        address: ADDRESS,
        code: 1001,
        reason: "tab closed",
        durationMs: 61_400,
      },
    ]);
  });

  test("because it read too slowly is reported with how much waited for it", () => {
    const scene = new Scene();
    const client = scene.admitted();
    scene.sessions.closed(client.session, 1006, "slow reader", 1_048_600);
    expect(scene.events).toMatchObject([
      { type: "disconnected", code: 1006, reason: "slow reader", buffered: 1_048_600 },
    ]);
  });

  test("while the worker closes it for another reason is no slow reader", () => {
    const scene = new Scene();
    const client = scene.admitted();
    scene.sessions.closeAll();
    scene.sessions.closed(client.session, 1006, "slow reader", 1_048_600);
    expect(scene.events).toMatchObject([{ code: 1012, reason: "service restart" }]);
    expect(scene.events[0]).not.toHaveProperty("buffered");
  });

  test("is reported with a duration that the wall clock has no part in", () => {
    const scene = new Scene();
    const client = scene.admitted();
    scene.pass(5000);
    scene.wallMs -= 1_000_000_000_000;
    scene.sessions.closed(client.session, 1006, "");
    expect(scene.events).toEqual([expect.objectContaining({ code: 1006, durationMs: 5000 })]);
  });

  test.each([
    ["", "closed before auth"],
    ["frame over 4 KiB", "frame over 4 KiB"],
  ])("before auth, giving the reason %p, is a refusal: %p", (given, reason) => {
    const scene = new Scene();
    const client = scene.open(TOPIC, true);
    scene.sessions.closed(client.session, 1006, given);
    expect(scene.events).toEqual([
      { type: "refused", topic: TOPIC, address: ADDRESS, cause: "closed_before_auth", reason },
    ]);
    expect(scene.sessions.size).toBe(0);
    scene.live(FOREVER_SECONDS);
    expect(client.socket.calls).toEqual([]);
  });

  test.each([
    ["before auth", []],
    ["when it was subscribed", [authFrame(tokenFor({ expires: WALL_START + 40 }))]],
    ["when it was refused", ["hello"]],
  ])("%s is never looked at again, so that its memory can go", (_when, frames) => {
    const scene = new Scene();
    let looks = 0;
    const session = new Proxy(new Session(TOPIC, true, ADDRESS), {
      get(target, key) {
        looks += 1;
        return Reflect.get(target, key);
      },
    });
    scene.sessions.opened(session, new FakeSocket());
    for (const frame of frames) {
      scene.sessions.received(session, frame);
    }
    scene.live(5);
    scene.sessions.closed(session, 1006, "");
    looks = 0;
    scene.live(FOREVER_SECONDS);
    scene.sessions.closeAll();
    expect(looks).toBe(0);
  });
});

describe("whatever clients do", () => {
  const FRAMES: readonly (string | undefined)[] = [
    authFrame(tokenFor({})),
    authFrame(tokenFor({ topic: STATUS_TOPIC })),
    authFrame(tokenFor({ topic: STATUS_TOPIC, expires: WALL_START + 15 })),
    authFrame(tokenFor({ expires: WALL_START + 3 })),
    authFrame("forged"),
    '{"type":"auth"}',
    refreshFrame(tokenFor({})),
    refreshFrame(tokenFor({ topic: STATUS_TOPIC })),
    refreshFrame(tokenFor({ expires: WALL_START + 10 })),
    refreshFrame("forged"),
    STATUS_REQUEST,
    "hello",
    undefined,
  ];
  /** What is reported of a socket at any time while it is in. */
  const MEANWHILE: readonly string[] = ["refreshed", "refresh_refused"];
  const who = fc.nat(5);
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("open" as const),
      topic: fc.constantFrom(TOPIC, STATUS_TOPIC),
      requireToken: fc.boolean(),
      isGoneAtOnce: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("frame" as const), who, frame: fc.constantFrom(...FRAMES) }),
    fc.record({ kind: fc.constant("pong" as const), who }),
    fc.record({ kind: fc.constant("gone" as const), who }),
    fc.record({ kind: fc.constant("time" as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
    fc.record({ kind: fc.constantFrom("answer" as const, "stop" as const) }),
  );

  /** A socket's whole life as one word a call, so that its grammar can be checked. */
  function story({ socket }: Client): string {
    return socket.calls.map(([kind, text]) => (text === AUTH_OK_FRAME ? "ok" : kind)).join(" ");
  }

  const STORY = /^(subscribe ok( ping| send)*)?( ?send)?( ?close)?$/;

  test("every socket is told in order, closed once, left alone then, and reported once", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const scene = new Scene({ random: 0.3 });
        const clients: Client[] = [];
        const gone = new Set<Client>();
        const lose = (client: Client): void => {
          if (!gone.has(client)) {
            gone.add(client);
            scene.sessions.closed(client.session, 1006, "");
          }
        };
        for (const at of steps) {
          const client = "who" in at ? clients.at(-1 - at.who) : undefined;
          switch (at.kind) {
            case "open": {
              const address = `2001:db8::${clients.length.toString(16)}`;
              const opened = scene.open(at.topic, at.requireToken, address);
              if (at.isGoneAtOnce) {
                opened.socket.onClose = () => lose(opened);
              }
              clients.push(opened);
              break;
            }
            case "frame":
              if (client !== undefined) {
                scene.send(client, at.frame);
              }
              break;
            case "pong":
              if (client !== undefined) {
                scene.sessions.seen(client.session);
              }
              break;
            case "gone":
              if (client !== undefined) {
                lose(client);
              }
              break;
            case "time":
              scene.tickAfter(at.ms);
              break;
            case "answer":
              scene.sessions.answerStatus(STATUS_ANSWER);
              break;
            case "stop":
              scene.sessions.closeAll();
              break;
          }
          expect(scene.sessions.size).toBe(clients.length - gone.size);
        }
        scene.sessions.closeAll();
        clients.forEach(lose);
        const stories = clients.map(story);
        scene.live(100);
        scene.sessions.answerStatus(STATUS_ANSWER);
        expect(clients.map(story)).toEqual(stories);
        expect(scene.sessions.size).toBe(0);
        for (const [index, client] of clients.entries()) {
          const { topic, address } = client.session;
          const events = scene.events.filter((event) => event.address === address);
          const wasIn = client.socket.calls.some(([kind]) => kind === "subscribe");
          expect(stories[index]).toMatch(STORY);
          const types = events.map(({ type }) => type);
          expect(types.filter((type) => !MEANWHILE.includes(type))).toEqual(
            wasIn ? ["connected", "disconnected"] : ["refused"],
          );
          expect(MEANWHILE).not.toContain(types.at(0) ?? "");
          expect(MEANWHILE).not.toContain(types.at(-1) ?? "");
          expect(events.every((event) => event.topic === topic)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a topic's deliveries wait for its readers", () => {
  /** More than a good reader leaves waiting, and so much that it is about to be dropped. */
  const BEHIND = 300_000;
  const ENDANGERED = 600_000;

  /** A topic with so many readers, the first of which are behind. */
  function crowd(
    size: number,
    behind: number,
    buffered: number,
  ): { scene: Scene; clients: Client[] } {
    const scene = new Scene();
    const clients = Array.from({ length: size }, () => scene.admitted());
    for (const { socket } of clients.slice(0, behind)) {
      socket.buffered = buffered;
    }
    return { scene, clients };
  }

  test.each([
    { size: 16, behind: 3, buffered: BEHIND, ms: 0 },
    { size: 16, behind: 4, buffered: BEHIND, ms: 400 },
    { size: 16, behind: 1, buffered: ENDANGERED, ms: 100 },
    { size: 16, behind: 4, buffered: ENDANGERED, ms: 400 },
    { size: 15, behind: 15, buffered: ENDANGERED, ms: 0 },
    { size: 1, behind: 1, buffered: ENDANGERED, ms: 0 },
    { size: 1000, behind: 1000, buffered: BEHIND, ms: 400 },
    { size: 1000, behind: 249, buffered: BEHIND, ms: 0 },
    { size: 1000, behind: 1, buffered: ENDANGERED, ms: 100 },
  ])("$behind of $size readers with $buffered bytes: $ms ms", ({ size, behind, buffered, ms }) => {
    expect(crowd(size, behind, buffered).scene.sessions.patience(TOPIC)).toBe(ms);
  });

  test("but not for those of another", () => {
    expect(crowd(16, 16, BEHIND).scene.sessions.patience("another")).toBe(0);
  });

  test("but not for those who have gone", () => {
    const { scene, clients } = crowd(16, 16, BEHIND);
    for (const { session } of clients) {
      scene.sessions.closed(session, 1006, "");
    }
    expect(scene.sessions.patience(TOPIC)).toBe(0);
  });
});
