type Closer = () => Promise<void>;

/**
 * What must be undone when the bench ends, however it ends. Once it runs, nothing new can be
 * added: `add` then throws, so that an interrupted scenario cannot start another process.
 */
export class Cleanup {
  #closers: Closer[] = [];
  #running = false;

  /** Throws when the bench is already ending. */
  assertOpen(): void {
    if (this.#running) throw new Error("the bench is ending");
  }

  /** Registers a closer; returns a function that takes it off again. */
  add(closer: Closer): () => void {
    this.assertOpen();
    this.#closers.push(closer);
    return () => {
      this.#closers = this.#closers.filter((other) => other !== closer);
    };
  }

  /** Runs all closers, the latest first. A closer that fails does not keep the others from it. */
  async run(): Promise<void> {
    this.#running = true;
    for (const closer of this.#closers.splice(0).reverse()) {
      await closer().catch((error: unknown) => console.error("bench: while ending:", error));
    }
  }
}
