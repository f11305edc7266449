import { Changes } from "./changes.ts";

/** What a program prints, line by line as it comes. */
export class Lines {
  /** Every whole line so far. */
  readonly all: string[] = [];
  /** Resolves when the program has closed the stream. */
  readonly finished: Promise<void>;
  readonly #changes = new Changes();

  /** @param stream None for what nobody reads here. */
  constructor(stream: ReadableStream<Uint8Array> | undefined) {
    this.finished = stream === undefined ? Promise.resolve() : this.#read(stream);
  }

  /** All of it as text. */
  get text(): string {
    return this.all.join("\n");
  }

  /** Waits until `look` sees something in the lines. */
  until<Seen>(
    look: (lines: readonly string[]) => Seen | undefined,
    what: string,
    deadlineMs?: number,
  ): Promise<Seen> {
    const describe = (): string =>
      `${what}; the last lines were:\n${this.all.slice(-5).join("\n")}`;
    return this.#changes.until(() => look(this.all), describe, deadlineMs);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of stream) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      this.all.push(...parts);
      this.#changes.notify();
    }
    if (rest !== "") {
      this.all.push(rest);
      this.#changes.notify();
    }
  }
}
