/** Chance that a seed decides: the same seed, the same sequence. */
export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  /** One of them. */
  oneOf<Item>(items: readonly [Item, ...Item[]]): Item;
  /** All of them, in some order. */
  shuffled<Item>(items: readonly Item[]): Item[];
}

/** Mixes the bits of a 32-bit number, so that seeds that are alike give sequences that are not. */
function mix(bits: number): number {
  let mixed = bits | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** 2^32 divided by the golden ratio: steps of it meet every 32-bit number. */
const STEP = 0x9e3779b9;

/**
 * A sequence of its own for each purpose, so that what one part draws changes nothing for another
 * (SplitMix, 32 bits: for scripts of tests, not for secrets).
 *
 * @param seed Any whole number.
 */
export function makeRandom(seed: number, purpose: string): Random {
  let state = mix(seed);
  for (const character of purpose) {
    state = mix(state ^ (character.codePointAt(0) ?? 0));
  }
  const next = (): number => {
    state = (state + STEP) | 0;
    return mix(state) / 2 ** 32;
  };
  const whole = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    whole,
    oneOf: (items) => items[whole(0, items.length - 1)] ?? items[0],
    shuffled: (items) => {
      const rest = [...items];
      const order: typeof rest = [];
      while (rest.length > 0) {
        order.push(...rest.splice(whole(0, rest.length - 1), 1));
      }
      return order;
    },
  };
}
