import { cleanText } from "../config/fault-text.ts";
import type { Config } from "../config/schema.ts";
import { type CliDeps, FAILED, OK } from "./deps.ts";
import {
  type CallResult,
  type InternalApi,
  internalApiOf,
  publishPayload,
  registerTopic,
} from "./internal-client.ts";

/** The worker takes no larger body (contract). */
const MAX_PAYLOAD_BYTES = 1024 * 1024;

const MAX_SHOWN_LENGTH = 100;

/**
 * Publishes as Wavelog's library does: on "topic not registered" it registers the topic (with a
 * token required) and publishes once more.
 *
 * @param payload JSON text, or `-` to read it from standard input.
 */
export async function publish(
  options: { readonly topic: string; readonly payload: string },
  config: Config,
  { io }: Pick<CliDeps, "io">,
): Promise<number> {
  const { topic } = options;
  const payload =
    options.payload === "-" ? decode(await io.readInput(MAX_PAYLOAD_BYTES)) : options.payload;
  const problem = payloadProblem(payload);
  if (problem !== undefined) {
    io.err(problem);
    return FAILED;
  }
  const { result, wasRegistered } = await publishOrRegister(
    internalApiOf(config),
    topic,
    payload ?? "",
  );
  const name = `"${cleanText(topic, MAX_SHOWN_LENGTH)}"`;
  switch (result.kind) {
    case "accepted":
      io.out(
        wasRegistered
          ? `${name} was not registered: registered it (token required), then published`
          : `published to ${name}`,
      );
      return OK;
    case "not_registered":
      io.err(`${name} was registered but is not known any more; is something unregistering it?`);
      return FAILED;
    case "refused":
    case "unreachable":
      io.err(result.message);
      return FAILED;
  }
}

async function publishOrRegister(
  api: InternalApi,
  topic: string,
  payload: string,
): Promise<{ result: CallResult; wasRegistered: boolean }> {
  const first = await publishPayload(api, topic, payload);
  if (first.kind !== "not_registered") {
    return { result: first, wasRegistered: false };
  }
  const registered = await registerTopic(api, topic);
  if (registered.kind !== "accepted") {
    return { result: registered, wasRegistered: false };
  }
  return { result: await publishPayload(api, topic, payload), wasRegistered: true };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Only checked, never rewritten: the worker gets the bytes as they were given. */
function payloadProblem(payload: string | undefined): string | undefined {
  if (payload === undefined) {
    return "the payload is not UTF-8 text";
  }
  if (Buffer.byteLength(payload, "utf8") > MAX_PAYLOAD_BYTES) {
    return "the payload is larger than 1 MiB, which the worker refuses";
  }
  try {
    JSON.parse(payload);
    return undefined;
  } catch (error) {
    const why = cleanText(error instanceof Error ? error.message : "", MAX_SHOWN_LENGTH);
    return `the payload is not JSON (${why}); plain text needs quotes of its own: '"hello"'`;
  }
}
