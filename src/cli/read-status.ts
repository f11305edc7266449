import { cleanText } from "../config/fault-text.ts";
import { API_ERRORS } from "../protocol/api-errors.ts";
import { ask, type InternalApi, internalUrl } from "./internal-client.ts";
import { type JsonObject, parseObject } from "./json-fields.ts";

const MAX_SHOWN_LENGTH = 100;

/** What a worker says of itself. */
export interface Snapshot {
  /** The status object; with `uptime` and `connected_sockets` at least. */
  readonly status: JsonObject;
  /** The cluster object; a worker of the original has none. */
  readonly cluster: JsonObject | undefined;
  /** The worker's clock, Unix milliseconds in whole seconds; `undefined` when it does not say. */
  readonly clockMs: number | undefined;
  /** The clock here when it had said so, Unix milliseconds. */
  readonly readAtMs: number;
  /** How long the status took, in milliseconds. */
  readonly tookMs: number;
}

export type SnapshotResult =
  | { readonly kind: "read"; readonly snapshot: Snapshot }
  /** The worker, or something else at that address, will not say; trying again will not help. */
  | { readonly kind: "refused" | "forbidden"; readonly message: string }
  /** No answer; trying again later may help. */
  | { readonly kind: "unreachable"; readonly message: string };

/**
 * Asks a worker for its status and its cluster. Never rejects.
 *
 * @param now The clock here, Unix milliseconds.
 */
export async function readSnapshot(api: InternalApi, now: () => number): Promise<SnapshotResult> {
  let readAtMs = 0;
  const [answer, clusterAnswer] = await Promise.all([
    ask(api, "/internal/status").finally(() => {
      readAtMs = now();
    }),
    ask(api, "/internal/cluster"),
  ]);
  if (answer.kind === "unreachable") {
    return answer;
  }
  const { status: code, text, date, tookMs } = answer;
  const shown = `${internalUrl(api)} answered ${code} "${cleanText(text.trim(), MAX_SHOWN_LENGTH)}"`;
  if (code === API_ERRORS.forbidden.status) {
    const message = `${shown}; is worker_secret the one the worker runs with?`;
    return { kind: "forbidden", message };
  }
  const status = code === 200 ? parseObject(text) : undefined;
  if (typeof status?.["uptime"] !== "string" || typeof status["connected_sockets"] !== "number") {
    return { kind: "refused", message: `${shown}; is this a worker's internal API?` };
  }
  const isCluster = clusterAnswer.kind === "answered" && clusterAnswer.status === 200;
  const clock = Date.parse(date ?? "");
  return {
    kind: "read",
    snapshot: {
      status,
      cluster: isCluster ? parseObject(clusterAnswer.text) : undefined,
      clockMs: Number.isNaN(clock) ? undefined : clock,
      readAtMs,
      tookMs,
    },
  };
}
