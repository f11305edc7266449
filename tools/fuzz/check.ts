/** What a case has shown to be wrong. */
export class Wrong extends Error {
  override readonly name = "Wrong";
}

/** Control, formatting and separating characters, and halves of surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Throws {@link Wrong} unless something holds. */
export function must(holds: boolean, what: string | (() => string)): asserts holds {
  if (!holds) {
    throw new Wrong(typeof what === "string" ? what : what());
  }
}

/** Throws {@link Wrong} unless both are the same, in depth. */
export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected && !Bun.deepEquals(actual, expected, true)) {
    throw new Wrong(`${what}: ${Bun.inspect(actual)}, expected ${Bun.inspect(expected)}`);
  }
}

/** Throws {@link Wrong} unless a text is one line that cannot steer a terminal, and not too long. */
export function mustBeOneLine(text: string, maxLength: number, what: string): void {
  must(!UNPRINTABLE.test(text), () => `${what} is not one printable line: ${JSON.stringify(text)}`);
  must(text.length <= maxLength, () => `${what} has ${text.length} characters`);
}

/** What JSON a text is; `undefined` when it is none. */
export function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** A JSON object as a record; `undefined` for a list and all else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/**
 * Throws {@link Wrong} unless two JSON values are the same. Not by recursion, which values nested
 * deeply would bring to the end of the stack.
 */
export function mustBeSameJson(actual: unknown, expected: unknown, what: string): void {
  const pairs: [unknown, unknown][] = [[actual, expected]];
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const [one, other] = pair;
    if (Object.is(one, other)) {
      continue;
    }
    const [fields, others] = [fieldsOf(one), fieldsOf(other)];
    const isSame =
      fields !== undefined &&
      others !== undefined &&
      Array.isArray(one) === Array.isArray(other) &&
      fields.length === others.length;
    must(isSame, () => `${what} differs: ${shortly(one)} is not ${shortly(other)}`);
    for (const [index, [key, value]] of fields.entries()) {
      const [otherKey, otherValue] = others[index] ?? [];
      must(key === otherKey, () => `${what} differs: key ${key} is not ${otherKey}`);
      pairs.push([value, otherValue]);
    }
  }
}

function fieldsOf(value: unknown): [string, unknown][] | undefined {
  return typeof value === "object" && value !== null ? Object.entries(value) : undefined;
}

function shortly(value: unknown): string {
  return Bun.inspect(value, { depth: 1 }).slice(0, 100);
}
