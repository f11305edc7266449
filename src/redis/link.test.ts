import { afterEach, beforeEach, describe, expect, jest, setDefaultTimeout, test } from "bun:test";
import { RedisLink } from "./link.ts";
import { DEADLINE_MS, eventually } from "./redis-server-fixture.ts";
import type { RedisSession } from "./session.ts";

// Longer than each wait in a test, so that a wait in vain says what it was for.
setDefaultTimeout(2 * DEADLINE_MS);

/** A session to nowhere: lost when it is told so. */
class FakeSession implements RedisSession {
  readonly serverId = "fake";
  readonly lost: Promise<string>;
  readonly closes: string[] = [];
  readonly #lose: (reason: string) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.lost = promise;
    this.#lose = resolve;
  }

  get isClosed(): boolean {
    return this.closes.length > 0;
  }

  send(): Promise<never> {
    return Promise.reject(new Error("a fake sends nothing"));
  }

  subscribe(): Promise<never> {
    return Promise.reject(new Error("a fake hears nothing"));
  }

  stalledMs(): number {
    return 0;
  }

  close(reason: string): void {
    this.closes.push(reason);
    this.#lose(reason);
  }

  /** What the network does. */
  lose(reason: string): void {
    this.#lose(reason);
  }
}

/** One step that the link waits for, and whose end the test decides. */
interface Step<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (fault: unknown) => void;
}

/** A link whose every step is in the test's hands, and all it has told. */
class Scene {
  readonly link: RedisLink;
  /** In order: what the link has told, and to whom. */
  readonly told: string[] = [];
  readonly opens: Step<RedisSession>[] = [];
  readonly recovers: (Step<void> & { readonly session: RedisSession })[] = [];
  now = 1000;

  constructor() {
    this.link = new RedisLink({
      open: () => {
        const { promise, ...step } = Promise.withResolvers<RedisSession>();
        this.opens.push(step);
        return promise;
      },
      recover: (session) => {
        const { promise, ...step } = Promise.withResolvers<void>();
        this.recovers.push({ ...step, session });
        return promise;
      },
      onLost: () => this.told.push("lost"),
      events: {
        up: (awayMs) => this.told.push(`up after ${awayMs}`),
        down: (reason) => this.told.push(`down: ${reason}`),
        unavailable: (reason) => this.told.push(`unavailable: ${reason}`),
      },
      now: () => this.now,
      random: () => 1,
    });
  }

  /** The attempt to open that is going on, the first one being 1. */
  async opening(count: number): Promise<Step<RedisSession>> {
    return eventually(() => this.opens[count - 1], `attempt ${count}`);
  }

  /** The recovery that is going on, the first one being 1. */
  async recovering(count: number): Promise<Step<void>> {
    return eventually(() => this.recovers[count - 1], `recovery ${count}`);
  }

  /** Brings the link up at the given attempt; the session it has got. */
  async bringUp(attempt: number): Promise<FakeSession> {
    const session = new FakeSession();
    const recovery = this.recovers.length + 1;
    (await this.opening(attempt)).resolve(session);
    (await this.recovering(recovery)).resolve();
    await eventually(() => this.link.session === session, "the link to be up");
    return session;
  }

  /** What has been told since the last look. */
  take(): string[] {
    return this.told.splice(0);
  }
}

/** Lets everything happen that waits for no time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a link that starts", () => {
  test("is up when the session has been made useful, not before", async () => {
    const scene = new Scene();
    const started = scene.link.start();
    const session = new FakeSession();
    (await scene.opening(1)).resolve(session);
    const recovery = await scene.recovering(1);
    scene.now += 70;
    await settle();
    expect(scene.link.session).toBeUndefined();
    expect(scene.take()).toEqual([]);
    recovery.resolve();
    await started;
    expect(scene.link.session).toBe(session);
    expect(scene.recovers.map((step) => step.session)).toEqual([session]);
    expect(scene.take()).toEqual(["up after 70"]);
    expect(session.isClosed).toBe(false);
    scene.link.stop();
  });

  test("says once that Redis is unavailable, then is up whenever Redis comes", async () => {
    const scene = new Scene();
    const started = scene.link.start();
    (await scene.opening(1)).reject(new Error("ECONNREFUSED"));
    await started;
    expect(scene.link.session).toBeUndefined();
    expect(scene.take()).toEqual(["unavailable: ECONNREFUSED"]);
    (await scene.opening(2)).reject(new Error("another reason"));
    (await scene.opening(3)).reject("a text");
    scene.now += 9000;
    await scene.bringUp(4);
    expect(scene.take()).toEqual(["up after 9000"]);
    scene.link.stop();
  });

  test("gives up a session that could not be made useful, and tells so once", async () => {
    const scene = new Scene();
    const started = scene.link.start();
    const first = new FakeSession();
    (await scene.opening(1)).resolve(first);
    (await scene.recovering(1)).reject(new Error("READONLY"));
    await started;
    expect(first.isClosed).toBe(true);
    expect(scene.take()).toEqual(["lost", "unavailable: READONLY"]);
    const second = new FakeSession();
    (await scene.opening(2)).resolve(second);
    (await scene.recovering(2)).reject(new Error("READONLY"));
    await eventually(() => second.isClosed, "the second to be given up");
    await settle();
    expect(scene.take()).toEqual(["lost"]);
    const third = await scene.bringUp(3);
    expect(scene.take()).toEqual(["up after 0"]);
    expect(third.isClosed).toBe(false);
    scene.link.stop();
  });
});

describe("a link that was up", () => {
  test("tells of a loss, how long it lasted, and uses another session", async () => {
    const scene = new Scene();
    const started = scene.link.start();
    const first = await scene.bringUp(1);
    await started;
    scene.take();
    scene.now += 5000;
    first.lose("connection ended");
    await eventually(() => scene.link.session === undefined, "the link to be down");
    await settle();
    expect(scene.take()).toEqual(["lost", "down: connection ended"]);
    scene.now += 321;
    const second = await scene.bringUp(2);
    expect(scene.take()).toEqual(["up after 321"]);
    expect(scene.link.session).toBe(second);
    scene.link.stop();
  });

  test("tells of a loss once, however many attempts fail then", async () => {
    const scene = new Scene();
    void scene.link.start();
    const first = await scene.bringUp(1);
    scene.take();
    first.lose("gone");
    (await scene.opening(2)).reject(new Error("ECONNREFUSED"));
    const stillborn = new FakeSession();
    (await scene.opening(3)).resolve(stillborn);
    (await scene.recovering(2)).reject(new Error("LOADING"));
    await scene.bringUp(4);
    // One `lost` for each session that was to be made useful.
    expect(scene.take()).toEqual(["lost", "down: gone", "lost", "up after 0"]);
    scene.link.stop();
  });

  test("gives its session up when it is told that it is of no use", async () => {
    const scene = new Scene();
    void scene.link.start();
    const first = await scene.bringUp(1);
    scene.take();
    scene.link.fail("a probe has been out");
    scene.link.fail("told twice");
    expect(first.closes[0]).toBe("a probe has been out");
    await scene.opening(2);
    expect(scene.take()).toEqual(["lost", "down: a probe has been out"]);
    await scene.bringUp(2);
    expect(scene.take()).toEqual(["up after 0"]);
    scene.link.stop();
  });
});

describe("a recovery", () => {
  test("ends when its session is lost, whatever becomes of it later", async () => {
    const scene = new Scene();
    const started = scene.link.start();
    const first = new FakeSession();
    (await scene.opening(1)).resolve(first);
    const recovery = await scene.recovering(1);
    first.lose("connection reset");
    await started;
    expect(scene.take()).toEqual(["lost", "unavailable: connection reset"]);
    recovery.resolve();
    await settle();
    expect(scene.link.session).toBeUndefined();
    expect(scene.take()).toEqual([]);
    scene.link.stop();
  });

  test("may fail after its session was lost without anybody noticing", async () => {
    const scene = new Scene();
    const started = scene.link.start();
    const first = new FakeSession();
    (await scene.opening(1)).resolve(first);
    const recovery = await scene.recovering(1);
    first.lose("connection reset");
    await started;
    scene.take();
    recovery.reject(new Error("of the lost session"));
    await settle();
    expect(scene.take()).toEqual([]);
    scene.link.stop();
  });

  test("ends when somebody finds the session useless, and another session is tried", async () => {
    const scene = new Scene();
    const started = scene.link.start();
    const first = new FakeSession();
    (await scene.opening(1)).resolve(first);
    await scene.recovering(1);
    scene.link.fail("READONLY");
    await started;
    expect(first.isClosed).toBe(true);
    expect(scene.take()).toEqual(["lost", "unavailable: READONLY"]);
    await scene.bringUp(2);
    expect(scene.take()).toEqual(["up after 0"]);
    scene.link.stop();
  });

  test("is not ended by what is said of an earlier session before this one is open", async () => {
    const scene = new Scene();
    void scene.link.start();
    const opening = await scene.opening(1);
    scene.link.fail("nobody is meant");
    opening.resolve(new FakeSession());
    (await scene.recovering(1)).resolve();
    await eventually(() => scene.link.session, "the link to be up");
    expect(scene.take()).toEqual(["up after 0"]);
    scene.link.stop();
  });
});

describe("a recovery that hangs", () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Lets promises settle; with a clock that stands, nothing else can be waited for. */
  async function turn(): Promise<void> {
    for (let step = 0; step < 50; step += 1) {
      await Promise.resolve();
    }
  }

  test("is given up after 15 s, and the next attempt comes", async () => {
    const scene = new Scene();
    void scene.link.start();
    const first = new FakeSession();
    scene.opens[0]?.resolve(first);
    await turn();
    expect(scene.recovers.length).toBe(1);
    jest.advanceTimersByTime(14_999);
    await turn();
    expect(first.isClosed).toBe(false);
    jest.advanceTimersByTime(1);
    await turn();
    expect(first.closes).toContain("catching up took too long");
    expect(scene.take()).toEqual(["lost", "unavailable: catching up took too long"]);
    // The first pause after a failure is half of 200 ms when chance says 1.
    jest.advanceTimersByTime(99);
    await turn();
    expect(scene.opens.length).toBe(1);
    jest.advanceTimersByTime(1);
    await turn();
    expect(scene.opens.length).toBe(2);
    scene.link.stop();
  });

  test("has no deadline left once it has succeeded", async () => {
    const scene = new Scene();
    void scene.link.start();
    const first = new FakeSession();
    scene.opens[0]?.resolve(first);
    await turn();
    scene.recovers[0]?.resolve();
    await turn();
    expect(scene.link.session).toBe(first);
    jest.advanceTimersByTime(600_000);
    await turn();
    expect(first.isClosed).toBe(false);
    scene.link.stop();
  });

  test("pauses grow from failure to failure, and begin anew after success", async () => {
    const scene = new Scene();
    void scene.link.start();
    await turn();
    for (const [failures, pause] of [100, 200, 400, 800, 1600, 2500, 2500].entries()) {
      scene.opens[failures]?.reject(new Error("ECONNREFUSED"));
      await turn();
      jest.advanceTimersByTime(pause - 1);
      await turn();
      expect(scene.opens.length).toBe(failures + 1);
      jest.advanceTimersByTime(1);
      await turn();
      expect(scene.opens.length).toBe(failures + 2);
    }
    const session = new FakeSession();
    scene.opens[7]?.resolve(session);
    await turn();
    scene.recovers[0]?.resolve();
    await turn();
    session.lose("gone");
    await turn();
    jest.advanceTimersByTime(50);
    await turn();
    expect(scene.opens.length).toBe(9);
    scene.link.stop();
  });
});

describe("a link that is stopped", () => {
  test("while it is up, closes its session and tells of no outage", async () => {
    const scene = new Scene();
    void scene.link.start();
    const first = await scene.bringUp(1);
    scene.take();
    scene.link.stop();
    await eventually(() => scene.link.session === undefined, "the session to be given up");
    await Bun.sleep(250);
    expect(first.closes).toEqual(["stopped"]);
    expect(scene.take()).toEqual(["lost"]);
    expect(scene.opens.length).toBe(1);
  });

  test("while it pauses, tries no more", async () => {
    const scene = new Scene();
    const started = scene.link.start();
    (await scene.opening(1)).reject(new Error("ECONNREFUSED"));
    await started;
    scene.take();
    scene.link.stop();
    await Bun.sleep(250);
    expect(scene.opens.length).toBe(1);
    expect(scene.take()).toEqual([]);
  });

  test("while it opens a session, leaves none open and is never up", async () => {
    const scene = new Scene();
    const started = scene.link.start();
    const opening = await scene.opening(1);
    scene.link.stop();
    const session = new FakeSession();
    opening.resolve(session);
    await settle();
    // Should it be made useful in vain, that ends too.
    scene.recovers[0]?.resolve();
    await started;
    await settle();
    expect(session.isClosed).toBe(true);
    expect(scene.link.session).toBeUndefined();
    expect(scene.told.filter((text) => text !== "lost")).toEqual([]);
  });

  test("while it opens a session after an outage, leaves none open and is never up", async () => {
    const scene = new Scene();
    void scene.link.start();
    const first = await scene.bringUp(1);
    first.lose("gone");
    const opening = await scene.opening(2);
    scene.take();
    scene.link.stop();
    const session = new FakeSession();
    opening.resolve(session);
    await settle();
    scene.recovers[1]?.resolve();
    await settle();
    expect(session.isClosed).toBe(true);
    expect(scene.link.session).toBeUndefined();
    expect(scene.told.filter((text) => text !== "lost")).toEqual([]);
  });

  test("while it makes a session useful, closes it and tells of no outage", async () => {
    const scene = new Scene();
    const started = scene.link.start();
    const session = new FakeSession();
    (await scene.opening(1)).resolve(session);
    await scene.recovering(1);
    scene.link.stop();
    await started;
    await settle();
    expect(session.isClosed).toBe(true);
    expect(scene.link.session).toBeUndefined();
    expect(scene.take()).toEqual(["lost"]);
    expect(scene.opens.length).toBe(1);
  });

  test("twice, is stopped", async () => {
    const scene = new Scene();
    void scene.link.start();
    const first = await scene.bringUp(1);
    scene.link.stop();
    scene.link.stop();
    await eventually(() => scene.link.session === undefined, "the session to be given up");
    expect(first.isClosed).toBe(true);
  });
});
