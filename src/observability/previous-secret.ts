/** What the status says of `worker_secret_previous` (docs/protocol.md, "Status object"). */
export interface PreviousSecretStatus {
  /** Tokens accepted that are signed with it. */
  readonly tokens: number;
  /** Calls of the internal API let in by it. */
  readonly api_calls: number;
  /** When it was used last, ISO 8601; `null` for not at all. */
  readonly last_used: string | null;
}

/** Keeps count of who still uses the secret that is being replaced, from the moment it was set. */
export class PreviousSecretUse {
  readonly #wallClock: () => number;
  #secret: string | undefined;
  #tokens = 0;
  #apiCalls = 0;
  #lastUsed: number | undefined;

  /** @param wallClock Unix time in milliseconds. */
  constructor(wallClock: () => number) {
    this.#wallClock = wallClock;
  }

  /** From now on it is about this secret; another one than before begins at nought. */
  watch(secret: string | undefined): void {
    if (secret !== this.#secret) {
      this.#secret = secret;
      this.#tokens = 0;
      this.#apiCalls = 0;
      this.#lastUsed = undefined;
    }
  }

  tokenAccepted(): void {
    this.#tokens += 1;
    this.#lastUsed = this.#wallClock();
  }

  apiCalled(): void {
    this.#apiCalls += 1;
    this.#lastUsed = this.#wallClock();
  }

  /** `undefined` while no secret is being replaced. */
  status(): PreviousSecretStatus | undefined {
    if (this.#secret === undefined) {
      return undefined;
    }
    return {
      tokens: this.#tokens,
      api_calls: this.#apiCalls,
      last_used: this.#lastUsed === undefined ? null : new Date(this.#lastUsed).toISOString(),
    };
  }
}
