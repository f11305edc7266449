import { describe, expect, test } from "bun:test";
import { DescriptorGuard, type DescriptorGuardOptions } from "./descriptor-guard.ts";

const LIMIT = 1000;
const SPARE = 64;

/** A process with a file limit, and gateways that take their time. */
class Scene {
  /** Files that others than the guard have open. */
  others = 0;
  readonly held = new Set<number>();
  readonly story: string[] = [];
  now = 0;
  pausing = Promise.withResolvers<void>();
  resuming = Promise.withResolvers<void>();
  #nextFile = 3;
  readonly options = {
    limit: LIMIT,
    spare: SPARE,
    openFiles: (): number => this.open,
    hold: (): number => {
      if (this.open >= LIMIT) {
        throw new Error("EMFILE");
      }
      this.#nextFile += 1;
      this.held.add(this.#nextFile);
      return this.#nextFile;
    },
    release: (file: number): void => {
      expect(this.held.delete(file)).toBe(true);
    },
    gateways: {
      pause: (): Promise<void> => {
        this.story.push("pause");
        return this.pausing.promise;
      },
      resume: (): Promise<void> => {
        this.story.push("resume");
        return this.resuming.promise;
      },
    },
    events: {
      acceptPaused: (open, limit) => this.story.push(`paused ${open}/${limit}`),
      acceptResumed: (ms) => this.story.push(`resumed after ${ms}`),
      acceptFailed: (fault) => this.story.push(`failed: ${(fault as Error).message}`),
    },
    now: (): number => this.now,
  } satisfies DescriptorGuardOptions;
  readonly guard = new DescriptorGuard(this.options);

  get open(): number {
    return this.others + this.held.size;
  }

  take(): string[] {
    return this.story.splice(0);
  }

  /** Lets what was waited for go on. */
  async settle(): Promise<void> {
    for (let step = 0; step < 5; step += 1) {
      await Promise.resolve();
    }
  }

  /** All files are taken, and the gateways have paused. */
  async exhausted(): Promise<void> {
    this.guard.look();
    this.others = LIMIT - SPARE;
    this.guard.look();
    this.pausing.resolve();
    await this.settle();
    this.take();
  }
}

describe("the descriptor guard", () => {
  test("keeps files back from its first look on", () => {
    const scene = new Scene();
    scene.guard.look();
    scene.guard.look();
    expect(scene.held.size).toBe(SPARE);
    expect(scene.take()).toEqual([]);
  });

  test("looks again before all that are left can be gone, and soon when few are", async () => {
    const scene = new Scene();
    const far = new DescriptorGuard({ ...scene.options, limit: 20_000 });
    expect(far.look()).toBe(200);
    const farther = new DescriptorGuard({ ...scene.options, limit: 1_000_000 });
    expect(farther.look()).toBe(250);
    expect(scene.guard.look()).toBe(50);
    await scene.exhausted();
    expect(scene.guard.look()).toBe(50);
  });

  test("does nothing while there are files left", () => {
    const scene = new Scene();
    scene.guard.look();
    scene.others = LIMIT - SPARE - 16;
    scene.guard.look();
    expect(scene.take()).toEqual([]);
    expect(scene.guard.pauses).toBe(0);
  });

  test("pauses the gateways when there are none, and lets the spare ones go once they have", async () => {
    const scene = new Scene();
    scene.guard.look();
    scene.others = LIMIT - SPARE - 15;
    scene.guard.look();
    expect(scene.take()).toEqual(["paused 985/1000", "pause"]);
    for (let look = 0; look < 10; look += 1) {
      scene.guard.look();
    }
    // A thread that still accepts would take them.
    expect(scene.held.size).toBe(SPARE);
    scene.pausing.resolve();
    await scene.settle();
    expect(scene.held.size).toBe(0);
    expect(scene.guard.pauses).toBe(1);
    scene.guard.look();
    expect(scene.take()).toEqual([]);
  });

  test("pauses them when there is not even one left to count with", async () => {
    const scene = new Scene();
    scene.guard.look();
    scene.others = Number.POSITIVE_INFINITY;
    scene.guard.look();
    expect(scene.take()).toEqual(["paused 1000/1000", "pause"]);
  });

  test("lets them listen again when there is room, with the spare ones back in place", async () => {
    const scene = new Scene();
    await scene.exhausted();
    scene.others = LIMIT - SPARE - 31;
    scene.guard.look();
    expect(scene.take()).toEqual([]);
    scene.now = 12_000;
    scene.others = LIMIT - SPARE - 32;
    scene.guard.look();
    scene.guard.look();
    expect(scene.take()).toEqual(["resume"]);
    expect(scene.held.size).toBe(SPARE);
    scene.resuming.resolve();
    await scene.settle();
    expect(scene.take()).toEqual(["resumed after 12000"]);
    scene.guard.look();
    expect(scene.take()).toEqual([]);
  });

  test("does it again and again", async () => {
    const scene = new Scene();
    for (let round = 1; round <= 3; round += 1) {
      await scene.exhausted();
      expect(scene.guard.pauses).toBe(round);
      expect(scene.held.size).toBe(0);
      scene.others = 0;
      scene.guard.look();
      scene.resuming.resolve();
      await scene.settle();
      expect(scene.held.size).toBe(SPARE);
    }
  });

  test("tries again after a second when the port cannot be had", async () => {
    const scene = new Scene();
    await scene.exhausted();
    scene.others = 0;
    scene.guard.look();
    scene.resuming.reject(new Error("EADDRINUSE"));
    await scene.settle();
    expect(scene.take()).toEqual(["resume", "failed: EADDRINUSE", "pause"]);
    expect(scene.held.size).toBe(0);
    scene.now = 999;
    scene.guard.look();
    expect(scene.take()).toEqual([]);
    scene.now = 1000;
    scene.resuming = Promise.withResolvers();
    scene.guard.look();
    scene.resuming.resolve();
    await scene.settle();
    expect(scene.take()).toEqual(["resume", "resumed after 1000"]);
  });

  test("takes what it can get of the spare files, and the rest when there are more", () => {
    const scene = new Scene();
    scene.others = LIMIT - 20;
    scene.guard.look();
    expect(scene.held.size).toBe(20);
  });

  test("once stopped does nothing, when what is under way is done", async () => {
    const scene = new Scene();
    scene.guard.look();
    scene.others = LIMIT;
    scene.guard.look();
    let isStopped = false;
    const stopped = scene.guard.stop().then(() => {
      isStopped = true;
    });
    await scene.settle();
    expect(isStopped).toBe(false);
    scene.pausing.resolve();
    await stopped;
    scene.take();
    scene.others = 0;
    scene.guard.look();
    expect(scene.take()).toEqual([]);
    expect(scene.held.size).toBe(0);
  });
});
