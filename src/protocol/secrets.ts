/**
 * The secrets of an installation. While an operator changes `worker_secret` there are two, so that
 * nobody is refused who has not heard of the new one. Plain data: it crosses thread boundaries.
 */
export interface Secrets {
  /** `worker_secret`. */
  readonly current: string;
  /** `worker_secret_previous`; `undefined` when none is set. */
  readonly previous: string | undefined;
}

/** Which of the two secrets somebody has used. */
export type SecretAge = "current" | "previous";
