/** What a fit has found. */
export interface Fit {
  /** One for each column. */
  readonly factors: readonly number[];
  /**
   * The greatest deviation of a value from what the factors say, as a part of the value; of those
   * values that are sure to a tenth, since the others deviate anyway. 0 when there are none.
   */
  readonly worst: number;
}

/** One observation: `value` is thought to be the sum of `terms`, each times its column's factor. */
export interface Observation {
  readonly terms: readonly number[];
  readonly value: number;
  /** How far off the value may be, in its own unit; those that are sure count for more. */
  readonly error: number;
}

/** How many times its error a value is that is sure. */
const SURE = 10;

/**
 * Weighted least squares. Throws when the observations do not tell the columns apart: fewer of them
 * than columns, or columns that always grow together.
 */
export function leastSquares(observations: readonly Observation[]): Fit {
  const columns = observations[0]?.terms.length ?? 0;
  const matrix = Array.from({ length: columns }, (_, row) => [
    ...Array.from({ length: columns }, (__, column) =>
      weighted(observations, (o) => (o.terms[row] ?? 0) * (o.terms[column] ?? 0)),
    ),
    weighted(observations, (o) => (o.terms[row] ?? 0) * o.value),
  ]);
  const factors = solve(matrix);
  const sure = observations.filter(({ value, error }) => error * SURE < value);
  const deviations = sure.map(({ terms, value }) => {
    const said = terms.reduce((sum, term, i) => sum + term * (factors[i] ?? 0), 0);
    return Math.abs(said / value - 1);
  });
  return { factors, worst: Math.max(0, ...deviations) };
}

function weighted(observations: readonly Observation[], take: (o: Observation) => number): number {
  return observations.reduce((sum, o) => sum + take(o) / o.error ** 2, 0);
}

/** A pivot this much smaller than its row's greatest is rounding alone. */
const SINGULAR = 1e-12;

/** Gauss and Jordan; each row ends with its right-hand side. */
function solve(rows: readonly (readonly number[])[]): number[] {
  // Each column by its own size: seconds and deliveries differ by a million.
  const sizes = rows.map((row, i) => Math.sqrt(row[i] ?? 0) || 1);
  let left = rows.map((row, i) =>
    row.map((value, j) => value / (sizes[i] ?? 1) / (j < rows.length ? (sizes[j] ?? 1) : 1)),
  );
  for (let column = 0; column < rows.length; column++) {
    const candidates = left.slice(column);
    const best = candidates.reduce((a, b) =>
      Math.abs(b[column] ?? 0) > Math.abs(a[column] ?? 0) ? b : a,
    );
    const pivot = best[column] ?? 0;
    if (Math.abs(pivot) < SINGULAR) throw new Error("the observations do not tell causes apart");
    const scaled = best.map((value) => value / pivot);
    const rest = (row: readonly number[]) =>
      row.map((value, j) => value - (row[column] ?? 0) * (scaled[j] ?? 0));
    left = [
      ...left.slice(0, column).map(rest),
      scaled,
      ...candidates.filter((row) => row !== best).map(rest),
    ];
  }
  return left.map((row, i) => (row.at(-1) ?? Number.NaN) / (sizes[i] ?? 1));
}

/** How y grows with x: what is there from the start, and what each x adds. */
export interface Slope {
  readonly base: number;
  readonly each: number;
}

/** The straight line through points, all of them equally sure. Throws when all have the same x. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): Slope {
  const fit = leastSquares(points.map(({ x, y }) => ({ terms: [1, x], value: y, error: 1 })));
  const [base = Number.NaN, each = Number.NaN] = fit.factors;
  return { base, each };
}
