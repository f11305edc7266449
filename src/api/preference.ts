/**
 * What a `Prefer` header says of the answer's body (RFC 7240, 4.2): the first `return` counts.
 * Several headers have been joined by commas.
 */
const RETURN = /(?:^|,)\s*return\s*=\s*"?(minimal|representation)"?\s*(?=[,;]|$)/i;

/** Whether a client would rather have an answer that tells something than an empty one. */
export function prefersRepresentation(prefer: unknown): boolean {
  return typeof prefer === "string" && RETURN.exec(prefer)?.[1]?.toLowerCase() === "representation";
}
