import { describe, expect, test } from "bun:test";
import {
  type DeliveryTimes,
  MAX_RECORDED_TOPICS,
  PUBLISHES_PER_TOPIC,
  PublishRecords,
} from "./publish-records.ts";

/** The Unix time at which the clock of the deliveries shows 0. */
const UNIX_MS = 1_767_323_045_678;

const NODE = "9f86d081884c7d65";

/** Deliveries whose times a test decides. */
class Deliveries implements DeliveryTimes {
  latest = 0;
  latestAt = 0;
  handed = 0;
  readonly handedTimes = new Map<number, number>();

  handedAt(delivery: number): number | undefined {
    return this.handedTimes.get(delivery);
  }
}

class Scene {
  readonly deliveries = new Deliveries();
  readonly records = new PublishRecords(() => this.deliveries, UNIX_MS);

  /** Publishes at this time; the count of the delivery. */
  publish(topic: string, at = 0, bytes = 1): number {
    this.deliveries.latest += 1;
    this.deliveries.latestAt = at;
    this.records.add(topic, bytes, 0, NODE, this.deliveries.latest);
    return this.deliveries.latest;
  }

  /** Everything so far has been handed over, the latest at this time. */
  hand(at: number): void {
    const { latest } = this.deliveries;
    this.deliveries.handed = latest;
    this.deliveries.handedTimes.set(latest, at);
  }

  /** Topic and bytes of what is listed. */
  list(topic?: string, limit = 1000): [string, number][] {
    return this.records.list(topic, limit).map(({ topic: of, record }) => [of, record.bytes]);
  }
}

describe("publishes are listed", () => {
  test("newest first, over all topics or of one", () => {
    const scene = new Scene();
    expect(scene.list()).toEqual([]);
    scene.publish("a", 0, 1);
    scene.publish("b", 0, 2);
    scene.publish("a", 0, 3);
    expect(scene.list()).toEqual([
      ["a", 3],
      ["b", 2],
      ["a", 1],
    ]);
    expect(scene.list("a")).toEqual([
      ["a", 3],
      ["a", 1],
    ]);
    expect(scene.list("c")).toEqual([]);
  });

  test("no more than asked for, and the newest of them all", () => {
    const scene = new Scene();
    for (const [index, topic] of ["a", "b", "c", "a", "a"].entries()) {
      scene.publish(topic, 0, index);
    }
    expect(scene.list(undefined, 2)).toEqual([
      ["a", 4],
      ["a", 3],
    ]);
    expect(scene.list(undefined, 3)[2]).toEqual(["c", 2]);
  });

  test("with all that is known of each", () => {
    const scene = new Scene();
    scene.deliveries.latest = 7;
    scene.deliveries.latestAt = 123.5;
    scene.records.add("a", 300, 4, NODE, 17);
    const record = { delivery: 7, at: 123.5, bytes: 300, sockets: 4, origin: NODE, seq: 17 };
    const times = { unixMs: UNIX_MS + 123.5, handedMs: Number.NaN };
    expect(scene.records.list(undefined, 1)).toEqual([
      { topic: "a", record: { ...record, ...times } },
    ]);
  });
});

describe("how fast an event was", () => {
  test("is known once it has been handed over, and stays known", () => {
    const scene = new Scene();
    scene.publish("a", 1000);
    expect(scene.records.list("a", 1)[0]?.record.handedMs).toBeNaN();
    scene.hand(1002.5);
    expect(scene.records.list("a", 1)[0]?.record.handedMs).toBe(2.5);
    scene.deliveries.handedTimes.clear();
    scene.publish("b");
    scene.hand(2000);
    expect(scene.records.list("a", 1)[0]?.record.handedMs).toBe(2.5);
  });

  test("is not known of what was forgotten before anybody looked, nor below nought", () => {
    const scene = new Scene();
    scene.publish("a", 1000);
    scene.publish("b", 1000);
    scene.hand(999.999);
    const [b, a] = scene.records.list(undefined, 2);
    expect(a?.record.handedMs).toBeNaN();
    expect(b?.record.handedMs).toBe(0);
  });

  test("is looked up in time, however much is published between two looks", () => {
    const scene = new Scene();
    scene.publish("a", 1000);
    scene.hand(1001);
    for (let event = 0; event < 2000; event += 1) {
      scene.publish("b");
    }
    scene.deliveries.handedTimes.clear();
    expect(scene.records.list("a", 1)[0]?.record.handedMs).toBe(1);
  });

  test("is never taken for another's whose record it has taken", () => {
    const scene = new Scene();
    for (let event = 0; event <= PUBLISHES_PER_TOPIC; event += 1) {
      scene.publish("a", event);
    }
    // The first one's record is the last one's now.
    scene.deliveries.handed = 1;
    scene.deliveries.handedTimes.set(1, 500);
    const times = scene.records.list("a", 100).map(({ record }) => record.handedMs);
    expect(times).toEqual(times.map(() => Number.NaN));
  });

  test("is not looked for when the threads are further behind than is remembered", () => {
    const scene = new Scene();
    scene.publish("a", 1);
    for (let event = 0; event < 40_000; event += 1) {
      scene.publish(`b${event % 3}`, 2);
    }
    scene.hand(10);
    expect(scene.records.list("a", 1)[0]?.record.handedMs).toBeNaN();
    expect(scene.records.list(undefined, 1)[0]?.record.handedMs).toBe(8);
  });
});

describe("what is remembered is bounded", () => {
  test("in publishes of a topic", () => {
    const scene = new Scene();
    for (let event = 0; event < 3 * PUBLISHES_PER_TOPIC; event += 1) {
      scene.publish("a", 0, event);
    }
    const bytes = scene.list("a").map(([, size]) => size);
    expect(bytes).toEqual(
      Array.from({ length: PUBLISHES_PER_TOPIC }, (_, age) => 3 * PUBLISHES_PER_TOPIC - 1 - age),
    );
  });

  test("in topics: one that has not been used for long goes, one that is used stays", () => {
    const scene = new Scene();
    scene.publish("used");
    scene.publish("unused");
    for (let topic = 0; topic < 2 * MAX_RECORDED_TOPICS; topic += 1) {
      scene.publish(`t${topic}`);
      scene.publish("used");
    }
    expect(scene.records.topics).toBe(MAX_RECORDED_TOPICS);
    expect(scene.list("used").length).toBe(PUBLISHES_PER_TOPIC);
    expect(scene.list("unused")).toEqual([]);
    expect(scene.list("t0")).toEqual([]);
    expect(scene.list(`t${2 * MAX_RECORDED_TOPICS - 1}`).length).toBe(1);
  });

  test("when all topics are used again and again, one goes all the same", () => {
    const scene = new Scene();
    for (let round = 0; round < 2; round += 1) {
      for (let topic = 0; topic < MAX_RECORDED_TOPICS; topic += 1) {
        scene.publish(`t${topic}`);
      }
    }
    scene.publish("new");
    expect(scene.records.topics).toBe(MAX_RECORDED_TOPICS);
    expect(scene.list("new").length).toBe(1);
    expect(scene.list("t0")).toEqual([]);
    expect(scene.list("t1").length).toBe(2);
  });

  test("in the length of topics: nobody can watch a longer one", () => {
    const scene = new Scene();
    scene.publish("x".repeat(1024));
    scene.publish("x".repeat(1025));
    expect(scene.list().length).toBe(1);
  });
});
