import type { RedisSession } from "./session.ts";

/** Keys asked for in one step. */
const PAGE = 500;

/**
 * The keys that begin with a prefix, in no particular order, found by `SCAN` and never `KEYS`.
 * Rejects when the session is lost.
 *
 * @param most How many are enough; somewhat more may be found.
 */
export async function scanKeys(
  session: RedisSession,
  prefix: string,
  most: number = Number.POSITIVE_INFINITY,
): Promise<readonly string[]> {
  const keys = new Set<string>();
  const pattern = `${escapeGlob(prefix)}*`;
  let cursor = "0";
  do {
    const reply = await session.send(["SCAN", cursor, "MATCH", pattern, "COUNT", String(PAGE)]);
    const [next, page] = Array.isArray(reply) ? reply : [];
    for (const key of Array.isArray(page) ? page : []) {
      keys.add(String(key));
    }
    cursor = String(next ?? "0");
  } while (cursor !== "0" && keys.size < most);
  return [...keys];
}

/** Makes a prefix stand for itself in a pattern. */
function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, "\\$&");
}
