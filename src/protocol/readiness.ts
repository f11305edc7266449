/**
 * What a worker says of itself on `/readyz`: it takes whatever comes (`ready`), does so without the
 * other workers (`degraded`), should be left alone (`not_ready`), or is on its way out (`draining`).
 */
export type Readiness = "ready" | "degraded" | "not_ready" | "draining";

/** The header of the answer that says the same, for load balancers that look at no body. */
export const READINESS_HEADER = "X-Worker-Readiness";
