import { test } from "bun:test";

/**
 * Clusters that run at the same time: waiting for faults to be found takes no processor, but more
 * than these, on a machine with two cores, make each other's publishers wait.
 */
const SLOTS = 3;

/** Waiting for a slot counts. */
const TIMEOUT_MS = 240_000;

let free = SLOTS;
const waiting: (() => void)[] = [];

async function takeSlot(): Promise<void> {
  if (free > 0) {
    free -= 1;
    return;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.push(resolve);
  await promise;
}

function leaveSlot(): void {
  const next = waiting.shift();
  if (next === undefined) {
    free += 1;
  } else {
    next();
  }
}

/** A test that runs beside others of its file, a few at a time. */
export function testBesideOthers(title: string, body: () => Promise<void>): void {
  test.concurrent(
    title,
    async () => {
      await takeSlot();
      try {
        await body();
      } finally {
        leaveSlot();
      }
    },
    TIMEOUT_MS,
  );
}
