import { writeFileSync } from "node:fs";

/** One page, of which a number is used. */
const BYTES = 4096;

/**
 * The number of the case that a child process is at, in memory that both share: it is there still
 * when the child hangs or is gone.
 */
export class Progress {
  readonly #index: Float64Array;

  private constructor(path: string) {
    const page = Bun.mmap(path, { shared: true });
    this.#index = new Float64Array(page.buffer, page.byteOffset, 1);
  }

  /** Makes the file and opens it. */
  static create(path: string): Progress {
    writeFileSync(path, new Uint8Array(BYTES));
    return new Progress(path);
  }

  /** Opens the file that the parent has made. */
  static open(path: string): Progress {
    return new Progress(path);
  }

  get index(): number {
    return this.#index[0] ?? 0;
  }

  set index(index: number) {
    this.#index[0] = index;
  }
}
