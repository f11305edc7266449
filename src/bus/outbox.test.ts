import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Outbox, type OutboxLimits, type Outgoing } from "./outbox.ts";

const ROOMY: OutboxLimits = { events: 1000, bytes: 1_000_000, ageMs: 60_000 };

/** An envelope of the given length. */
function outgoing(seq: number, at = 0, length = 10): Outgoing {
  return { seq, envelope: "x".repeat(length), at };
}

/** An outbox with envelopes 1 to `count`. */
function filled(count: number, limits: Partial<OutboxLimits> = {}): Outbox {
  const outbox = new Outbox({ ...ROOMY, ...limits });
  for (let seq = 1; seq <= count; seq += 1) {
    outbox.push(outgoing(seq));
  }
  return outbox;
}

/** The counts of all that may be written now. */
function take(outbox: Outbox): number[] {
  const seqs: number[] = [];
  for (let entry = outbox.next(); entry !== undefined; entry = outbox.next()) {
    seqs.push(entry.seq);
  }
  return seqs;
}

describe("an outbox", () => {
  test("gives envelopes in their order, each once, until it is rewound", () => {
    const outbox = filled(3);
    expect([outbox.size, outbox.inFlight]).toEqual([3, 0]);
    expect(take(outbox)).toEqual([1, 2, 3]);
    expect([outbox.size, outbox.inFlight]).toEqual([3, 3]);
    outbox.push(outgoing(4));
    expect(take(outbox)).toEqual([4]);
    outbox.rewind();
    expect([outbox.size, outbox.inFlight]).toEqual([4, 0]);
    expect(take(outbox)).toEqual([1, 2, 3, 4]);
  });

  test("lets go what Redis has confirmed, and with it all before it", () => {
    const outbox = filled(5);
    take(outbox);
    outbox.confirm(2);
    expect([outbox.size, outbox.inFlight]).toEqual([3, 3]);
    outbox.confirm(2);
    outbox.confirm(1);
    expect(outbox.size).toBe(3);
    outbox.rewind();
    expect(take(outbox)).toEqual([3, 4, 5]);
    outbox.confirm(5);
    expect([outbox.size, outbox.inFlight, outbox.dropped]).toEqual([0, 0, 0]);
    expect(outbox.next()).toBeUndefined();
  });

  test("drops and counts the oldest beyond its bound in events", () => {
    const outbox = filled(5, { events: 3 });
    expect([outbox.size, outbox.dropped]).toEqual([3, 2]);
    expect(take(outbox)).toEqual([3, 4, 5]);
  });

  test("drops and counts the oldest beyond its bound in bytes", () => {
    const outbox = filled(3, { bytes: 30 });
    expect([outbox.size, outbox.dropped]).toEqual([3, 0]);
    outbox.push(outgoing(4, 0, 11));
    expect([outbox.size, outbox.dropped]).toEqual([2, 2]);
    expect(take(outbox)).toEqual([3, 4]);
    // What is let go makes room again.
    outbox.confirm(4);
    outbox.push(outgoing(5, 0, 30));
    expect([outbox.size, outbox.dropped]).toEqual([1, 2]);
  });

  test("keeps one envelope that is larger than the bound by itself", () => {
    const outbox = filled(3, { bytes: 30 });
    outbox.push(outgoing(4, 0, 1000));
    expect([outbox.size, outbox.dropped]).toEqual([1, 3]);
    outbox.push(outgoing(5, 0, 10));
    expect([outbox.size, outbox.dropped]).toEqual([1, 4]);
    expect(take(outbox)).toEqual([5]);
  });

  test("drops and counts what is older than its bound in age, not what is just as old", () => {
    const outbox = new Outbox({ ...ROOMY, ageMs: 100 });
    outbox.push(outgoing(1, 1000));
    outbox.push(outgoing(2, 1001));
    outbox.expire(1100);
    expect([outbox.size, outbox.dropped]).toEqual([2, 0]);
    outbox.expire(1101);
    expect([outbox.size, outbox.dropped]).toEqual([1, 1]);
    expect(take(outbox)).toEqual([2]);
  });

  test("drops what has been written and not confirmed as well", () => {
    const outbox = filled(3, { events: 3 });
    expect(outbox.next()?.seq).toBe(1);
    outbox.push(outgoing(4));
    expect([outbox.size, outbox.inFlight, outbox.dropped]).toEqual([3, 0, 1]);
    outbox.confirm(1);
    expect(take(outbox)).toEqual([2, 3, 4]);
  });

  test("holds to a plain list, whatever is done to it", () => {
    type Step =
      | { readonly do: "push"; readonly length: number; readonly count: number }
      | { readonly do: "next"; readonly count: number }
      | { readonly do: "confirm"; readonly share: number }
      | { readonly do: "rewind" }
      | { readonly do: "expire" }
      | { readonly do: "pass"; readonly ms: number };
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.record({
        do: fc.constant("push" as const),
        length: fc.nat(40),
        count: fc.integer({ min: 1, max: 60 }),
      }),
      fc.record({ do: fc.constant("next" as const), count: fc.integer({ min: 1, max: 60 }) }),
      fc.record({
        do: fc.constant("confirm" as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.record({ do: fc.constantFrom("rewind" as const, "expire" as const) }),
      fc.record({ do: fc.constant("pass" as const), ms: fc.nat(100) }),
    );
    const limits = fc.record({
      events: fc.integer({ min: 1, max: 200 }),
      bytes: fc.integer({ min: 1, max: 3000 }),
      ageMs: fc.integer({ min: 1, max: 300 }),
    });
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 80 }), (bounds, steps) => {
        const outbox = new Outbox(bounds);
        const model = new Model(bounds);
        for (const move of steps) {
          switch (move.do) {
            case "push":
              for (let push = 0; push < move.count; push += 1) {
                outbox.push(model.push(move.length));
              }
              break;
            case "next":
              for (let next = 0; next < move.count; next += 1) {
                expect(outbox.next()).toBe(model.next() as Outgoing);
              }
              break;
            case "confirm": {
              const seq = Math.round(move.share * model.lastSeq);
              model.confirm(seq);
              outbox.confirm(seq);
              break;
            }
            case "rewind":
              model.written = 0;
              outbox.rewind();
              break;
            case "expire":
              model.expire();
              outbox.expire(model.now);
              break;
            case "pass":
              model.now += move.ms;
              break;
          }
          expect([outbox.size, outbox.inFlight, outbox.dropped]).toEqual([
            model.entries.length,
            model.written,
            model.dropped,
          ]);
        }
        outbox.rewind();
        // All of it is still in order at the end.
        expect(take(outbox)).toEqual(model.entries.map(({ seq }) => seq));
      }),
      { numRuns: 500 },
    );
  });
});

/** What an outbox is, in the plainest way. */
class Model {
  entries: Outgoing[] = [];
  /** Of the entries, how many from the oldest on have been written. */
  written = 0;
  dropped = 0;
  lastSeq = 0;
  now = 0;
  readonly #limits: OutboxLimits;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  push(length: number): Outgoing {
    this.lastSeq += 1;
    const entry = outgoing(this.lastSeq, this.now, length);
    this.entries.push(entry);
    const { events, bytes } = this.#limits;
    const size = (): number => this.entries.reduce((sum, each) => sum + each.envelope.length, 0);
    while (this.entries.length > events || (size() > bytes && this.entries.length > 1)) {
      this.dropped += 1;
      this.#shift();
    }
    return entry;
  }

  next(): Outgoing | undefined {
    const entry = this.entries[this.written];
    this.written += entry === undefined ? 0 : 1;
    return entry;
  }

  confirm(seq: number): void {
    while ((this.entries[0]?.seq ?? Number.POSITIVE_INFINITY) <= seq) {
      this.#shift();
    }
  }

  expire(): void {
    while ((this.entries[0]?.at ?? Number.POSITIVE_INFINITY) < this.now - this.#limits.ageMs) {
      this.dropped += 1;
      this.#shift();
    }
  }

  #shift(): void {
    this.entries.shift();
    this.written = Math.max(0, this.written - 1);
  }
}
