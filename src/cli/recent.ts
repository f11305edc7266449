import { cleanText } from "../config/fault-text.ts";
import type { Config } from "../config/schema.ts";
import { API_ERRORS } from "../protocol/api-errors.ts";
import { type CliDeps, FAILED, MISUSED, OK } from "./deps.ts";
import {
  ask,
  type Exchange,
  type InternalApi,
  internalApiAt,
  internalApiOf,
  internalUrl,
} from "./internal-client.ts";
import { type JsonObject, parseObject } from "./json-fields.ts";
import { paintFor } from "./paint.ts";
import { recentLines } from "./recent-view.ts";

/** Lines of the table, unless asked for more or less. */
const DEFAULT_LIMIT = 40;

/** The worker gives no more of each kind (docs/protocol.md, "Recent object"). */
const MAX_LIMIT = 1000;

const MAX_SHOWN_LENGTH = 100;

export interface RecentOptions {
  /** Of this topic alone. */
  readonly topic: string | undefined;
  /** How many, as somebody has written it. */
  readonly limit: string | undefined;
  /** The internal API's address; from the configuration when not given. */
  readonly url: string | undefined;
  readonly json: boolean;
}

/**
 * Prints what went on lately on a worker.
 *
 * @returns 0, 1 when the worker does not say, 2 when an option makes no sense.
 */
export async function recent(
  options: RecentOptions,
  config: Config,
  { io, env }: Pick<CliDeps, "io" | "env">,
): Promise<number> {
  const { topic, url, json } = options;
  const api = url === undefined ? internalApiOf(config) : internalApiAt(url, config.workerSecret);
  if (api === undefined) {
    io.err("--url is no address of an internal API; give one such as http://10.0.0.12:9001");
    return MISUSED;
  }
  const limit = readLimit(options.limit);
  if (limit === undefined) {
    io.err(`--limit is no number of events; give a whole one from 1 to ${MAX_LIMIT}`);
    return MISUSED;
  }
  const query = new URLSearchParams({ limit: String(limit), ...(topic ? { topic } : {}) });
  const result = readAnswer(api, await ask(api, `/internal/recent?${query}`));
  if (typeof result === "string") {
    io.err(result);
    return FAILED;
  }
  const lines = json
    ? [JSON.stringify(result)]
    : recentLines(result, limit, paintFor(io.isTty, env));
  for (const line of lines) {
    io.out(line);
  }
  return OK;
}

function readLimit(text: string | undefined): number | undefined {
  if (text === undefined) {
    return DEFAULT_LIMIT;
  }
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= MAX_LIMIT ? limit : undefined;
}

/** The worker's object, or one line that says why there is none. */
function readAnswer(api: InternalApi, answer: Exchange): JsonObject | string {
  if (answer.kind === "unreachable") {
    return answer.message;
  }
  const { status, text } = answer;
  const object = status === 200 ? parseObject(text) : undefined;
  if (Array.isArray(object?.["closes"])) {
    return object;
  }
  const shown = `${internalUrl(api)} answered ${status} "${cleanText(text.trim(), MAX_SHOWN_LENGTH)}"`;
  switch (status) {
    case API_ERRORS.forbidden.status:
      return `${shown}; is worker_secret the one the worker runs with?`;
    case API_ERRORS.notFound.status:
      return `${shown}; an older worker, or the original, remembers nothing: see its log`;
    default:
      return `${shown}; is this a worker's internal API?`;
  }
}
