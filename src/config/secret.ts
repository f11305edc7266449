const MASK = "[secret]";

/**
 * Text that cannot be printed by accident: string conversion, JSON, `console.log` and the logger all
 * show `[secret]`. A structured clone (`postMessage`) carries nothing of it; send `reveal()`.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself, for the one place that needs it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  /** Node and Bun look for the same symbol (`Bun.inspect.custom` is an alias). */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return MASK;
  }
}
