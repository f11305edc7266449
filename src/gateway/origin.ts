/**
 * Makes the check of a request's `Origin` against the operator's list. An empty list lets anyone
 * in, and so does a request without an `Origin`: only browsers send one, and only they need it.
 *
 * @param allowed Exact origins (`https://log.example.org`) or host wildcards (`*.example.org`, which
 *   stand for every sub-domain, on any port, but not for `example.org` itself).
 */
export function originCheck(allowed: readonly string[]): (origin: string | null) => boolean {
  const exact = new Set(allowed.filter((entry) => !entry.startsWith("*.")));
  const suffixes = allowed.filter((entry) => entry.startsWith("*.")).map((entry) => entry.slice(1));
  return (origin) => {
    if (origin === null || allowed.length === 0) {
      return true;
    }
    const wanted = origin.toLowerCase();
    if (exact.has(wanted)) {
      return true;
    }
    const host = URL.parse(wanted)?.hostname ?? "";
    return suffixes.some((suffix) => host.length > suffix.length && host.endsWith(suffix));
  };
}
