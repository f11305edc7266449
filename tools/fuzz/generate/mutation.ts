import fc from "fast-check";
import { nastyPiece } from "./text.ts";

/** Places are shares of a text, so that the same edit fits any; this is the whole. */
const WHOLE = 0x1_0000;

/** A longer text is edited as any, but not repeated: two edits would make megabytes of it. */
const MAX_REPEATED_LENGTH = 4096;

/** One change to a text, whatever text that is. */
export type Edit =
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "drop"; readonly at: number; readonly length: number }
  | { readonly kind: "double"; readonly at: number; readonly length: number }
  | { readonly kind: "insert"; readonly at: number; readonly piece: string }
  | { readonly kind: "replace"; readonly at: number; readonly piece: string }
  | { readonly kind: "move"; readonly at: number; readonly length: number; readonly to: number }
  | { readonly kind: "repeat"; readonly times: number };

const place = fc.nat({ max: WHOLE - 1 });
const length = fc.integer({ min: 1, max: 20 });

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), at: place, bit: fc.nat({ max: 7 }) }),
  fc.record({ kind: fc.constant("cut" as const), at: place }),
  fc.record({ kind: fc.constant("drop" as const), at: place, length }),
  fc.record({ kind: fc.constant("double" as const), at: place, length }),
  fc.record({ kind: fc.constant("insert" as const), at: place, piece: nastyPiece }),
  fc.record({ kind: fc.constant("replace" as const), at: place, piece: nastyPiece }),
  fc.record({ kind: fc.constant("move" as const), at: place, length, to: place }),
  fc.record({ kind: fc.constant("repeat" as const), times: fc.integer({ min: 2, max: 3 }) }),
);

/** One to three changes. */
export const edits: fc.Arbitrary<readonly Edit[]> = fc.array(edit, { minLength: 1, maxLength: 3 });

/** A text after some changes: bits, pieces lost, doubled, moved, put in, the end cut off. */
export function edited(text: string, changes: readonly Edit[]): string {
  return changes.reduce(apply, text);
}

/** A text damaged at one to three places. */
export function mutated(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(text, edits).map(([whole, changes]) => edited(whole, changes));
}

/** As {@link mutated}, for bytes. */
export function mutatedBytes(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const text = bytes.map((all) => Buffer.from(all).toString("latin1"));
  return mutated(text).map((all) => Buffer.from(all, "latin1"));
}

/** The beginning of one text and the end of another. */
export function spliced(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(text, text, place, place).map(([one, other, end, start]) => {
    return one.slice(0, scaled(end, one)) + other.slice(scaled(start, other));
  });
}

/** Cuts bytes at some places, which may be none. */
export function pieces(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = places.map((at) => Math.floor((at / WHOLE) * bytes.length)).sort((a, b) => a - b);
  return [0, ...cuts].map((start, index) => bytes.subarray(start, cuts[index] ?? bytes.length));
}

/** Places for {@link pieces}, mostly none. */
export const cutPlaces: fc.Arbitrary<number[]> = fc.oneof(
  fc.constant<number[]>([]),
  fc.array(place, { maxLength: 4 }),
);

function scaled(at: number, text: string): number {
  return Math.floor((at / WHOLE) * (text.length + 1));
}

function apply(text: string, change: Edit): string {
  switch (change.kind) {
    case "flip": {
      const at = scaled(change.at, text);
      const unit = text.charCodeAt(at);
      return Number.isNaN(unit)
        ? text
        : text.slice(0, at) + String.fromCharCode(unit ^ (1 << change.bit)) + text.slice(at + 1);
    }
    case "cut":
      return text.slice(0, scaled(change.at, text));
    case "drop": {
      const at = scaled(change.at, text);
      return text.slice(0, at) + text.slice(at + change.length);
    }
    case "double": {
      const end = scaled(change.at, text) + change.length;
      return text.slice(0, end) + text.slice(end - change.length);
    }
    case "insert": {
      const at = scaled(change.at, text);
      return text.slice(0, at) + change.piece + text.slice(at);
    }
    case "replace": {
      const at = scaled(change.at, text);
      return text.slice(0, at) + change.piece + text.slice(at + 1);
    }
    case "move": {
      const at = scaled(change.at, text);
      const moved = text.slice(at, at + change.length);
      const rest = text.slice(0, at) + text.slice(at + change.length);
      const to = scaled(change.to, rest);
      return rest.slice(0, to) + moved + rest.slice(to);
    }
    case "repeat":
      return text.length > MAX_REPEATED_LENGTH ? text : text.repeat(change.times);
  }
}
