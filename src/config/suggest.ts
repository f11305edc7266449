/** Most single-character changes between a misspelt name and the one it is taken for. */
const MAX_DISTANCE = 2;

/** Shortest part of a name that says which is meant (`secret` of `worker_secret`). */
const MIN_PART_LENGTH = 4;

/** Longer names are no misspelling of ours. */
const MAX_NAME_LENGTH = 64;

/**
 * The name that was probably meant, or `undefined`: near in spelling, written in another style
 * (`wsPort`, `WS-PORT`), or the whole of which one is a part.
 */
export function suggestName<Name extends string>(
  unknown: string,
  known: readonly Name[],
): Name | undefined {
  if (unknown.length > MAX_NAME_LENGTH) {
    return undefined;
  }
  const wanted = unknown
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[-. ]/g, "_");
  let best: Name | undefined;
  let bestDistance = MAX_DISTANCE + 1;
  for (const name of known) {
    const distance = editDistance(wanted, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best ?? known.find((name) => isPartOf(wanted, name) || isPartOf(name, wanted));
}

function isPartOf(part: string, whole: string): boolean {
  return part.length >= MIN_PART_LENGTH && whole.includes(part);
}

/** Levenshtein distance: single characters put in, taken out or replaced. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const above = previous[column] ?? 0;
      const left = current[column - 1] ?? 0;
      const diagonal = previous[column - 1] ?? 0;
      const replaced = from[row - 1] === to[column - 1] ? diagonal : diagonal + 1;
      current.push(Math.min(above + 1, left + 1, replaced));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
