/** How long a wait lasts when nothing else is said, in milliseconds: generous, for busy machines. */
export const DEADLINE_MS = 10_000;

/** Between two looks at something that cannot tell of its changes, in milliseconds. */
const LOOK_INTERVAL_MS = 10;

/** Something whose state changes, and that tests wait for. */
export class Changes {
  readonly #lookers = new Set<() => void>();

  /** To be called after every change. */
  notify(): void {
    for (const look of [...this.#lookers]) {
      look();
    }
  }

  /**
   * Looks now and after every change until there is something to see.
   *
   * @param look Returns `undefined` while there is nothing; what it throws ends the wait.
   * @param what What is waited for, for the message when it does not come.
   */
  until<Seen>(
    look: () => Seen | undefined,
    what: () => string,
    deadlineMs: number = DEADLINE_MS,
  ): Promise<Seen> {
    const { promise, resolve, reject } = Promise.withResolvers<Seen>();
    const timer = setTimeout(() => {
      this.#lookers.delete(attempt);
      reject(new Error(`waited ${deadlineMs} ms in vain for ${what()}`));
    }, deadlineMs);
    const attempt = (): void => {
      try {
        const seen = look();
        if (seen === undefined) {
          return;
        }
        resolve(seen);
      } catch (fault) {
        reject(fault);
      }
      this.#lookers.delete(attempt);
      clearTimeout(timer);
    };
    this.#lookers.add(attempt);
    attempt();
    return promise;
  }
}

/**
 * Looks again and again until there is something to see: for what cannot tell of its changes, such
 * as the state of another process.
 *
 * @param look Returns `undefined` or `false` while there is nothing, or throws.
 */
export async function eventually<Seen>(
  look: () => Promise<Seen> | Seen,
  what: string,
  deadlineMs: number = DEADLINE_MS,
): Promise<Exclude<Seen, undefined | false>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    let cause: unknown;
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) {
        return seen as Exclude<Seen, undefined | false>;
      }
    } catch (fault) {
      cause = fault;
    }
    if (performance.now() >= end) {
      throw new Error(`waited ${deadlineMs} ms in vain for ${what}`, { cause });
    }
    await Bun.sleep(LOOK_INTERVAL_MS);
  }
}

/** Gives a promise a deadline. */
export async function within<Value>(
  promise: Promise<Value>,
  what: string,
  deadlineMs: number = DEADLINE_MS,
): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`waited ${deadlineMs} ms in vain for ${what}`));
  }, deadlineMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The message with which a promise rejects; that it does not is a fault. To be used instead of
 * `expect(…).rejects`, which turns the event loop inside of itself: what comes in over pipes at that
 * moment is lost (seen with Bun 1.4.5: a child's output ended in the middle).
 */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
  throw new Error("expected a rejection, but there was none");
}
