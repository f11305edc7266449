import fc from "fast-check";
import { HttpClient, type HttpRequest, requestBytes } from "../../../test/support/http.ts";
import type { WorkerProcess } from "../../../test/support/worker.ts";
import { must } from "../check.ts";
import { cutPlaces, type Edit, edited, edits, pieces } from "../generate/mutation.ts";
import { seldom } from "../generate/text.ts";
import { bodyFault, bodyText } from "../pure/bodies.ts";
import { openSingle } from "./single.ts";
import { wireTarget } from "./target.ts";

/** A request that is right as HTTP; whether it is one of the API's is another matter. */
interface Request {
  readonly method: string;
  readonly path: string;
  readonly secret: "right" | "wrong" | "none";
  readonly headers: readonly (readonly [string, string])[];
  readonly body: { readonly text: string; readonly chunkBytes: number | null } | null;
  /** Has a byte that no UTF-8 has, within its first text. */
  readonly isDamaged: boolean;
}

interface Case {
  /** Sent one behind the other without waiting. */
  readonly requests: readonly Request[];
  /** What the last one becomes on its way; none when it stays as it is. */
  readonly edits: readonly Edit[];
  readonly cuts: readonly number[];
}

const CALLS: Readonly<Record<string, "register" | "unregister" | "publish">> = {
  "/internal/register": "register",
  "/internal/unregister": "unregister",
  "/internal/publish": "publish",
  "/internal/push": "publish",
};

const GETS = ["/internal/status", "/internal/status?topics=1", "/internal/cluster"];

/** The operator's page, for which no secret is asked. */
const PAGE = "/";

/** Statuses that a request may be answered with that is no right HTTP. */
const FAULTS = [200, 400, 403, 404, 405, 408, 411, 413, 414, 417, 431, 501, 505];

/** How long a connection may stay after the client has ended its side, in milliseconds. */
const END_MS = 10_000;

const post: fc.Arbitrary<Request> = fc.record({
  method: seldom(fc.constant("POST"), 20, fc.constantFrom("GET", "PUT", "DELETE", "PATCH")),
  path: seldom(fc.constantFrom(...Object.keys(CALLS)), 20, fc.constantFrom(PAGE, "/internal/x")),
  secret: seldom(fc.constant("right" as const), 20, fc.constantFrom("wrong" as const, "none")),
  headers: fc.array(
    fc.tuple(
      fc.constantFrom("X-Fuzz", "Accept", "User-Agent", "Cookie"),
      fc.string({ unit: "grapheme-ascii", maxLength: 20 }).map((text) => text.trim()),
    ),
    { maxLength: 2 },
  ),
  body: fc.record({
    text: bodyText.filter((text) => text.length < 100_000),
    chunkBytes: fc.option(fc.integer({ min: 1, max: 50 })),
  }),
  isDamaged: seldom(fc.constant(false), 30, fc.constant(true)),
});

const get: fc.Arbitrary<Request> = fc.record({
  method: fc.constant("GET"),
  path: fc.constantFrom(...GETS, "/internal/none", PAGE),
  secret: seldom(fc.constant("right" as const), 10, fc.constantFrom("wrong" as const, "none")),
  headers: fc.constant([]),
  body: fc.constant(null),
  isDamaged: fc.constant(false),
});

const request = fc.oneof({ weight: 8, arbitrary: post }, { weight: 1, arbitrary: get });

const cases: fc.Arbitrary<Case> = fc.record({
  requests: fc.array(request, { minLength: 1, maxLength: 4 }),
  edits: fc.oneof(fc.constant<readonly Edit[]>([]), edits),
  cuts: cutPlaces,
});

function bytesOf(worker: WorkerProcess, { secret, body, isDamaged, ...rest }: Request): Buffer {
  const secrets = { right: worker.secret, wrong: `${worker.secret}x`, none: undefined };
  const text = Buffer.from(body?.text ?? "");
  const at = text.indexOf('"') + 1;
  const damaged = [text.subarray(0, at), Buffer.from([0xff]), text.subarray(at)];
  const content = isDamaged ? Buffer.concat(damaged) : text;
  const request: HttpRequest = {
    ...rest,
    secret: secrets[secret],
    ...(body === null ? {} : { body: content }),
    ...(body === null || body.chunkBytes === null || content.length === 0
      ? {}
      : { chunkBytes: body.chunkBytes }),
  };
  return requestBytes(request);
}

/** The answers that a request may get, after the contract. */
function answersTo({ method, path, secret, body, isDamaged }: Request): readonly string[] {
  const call = CALLS[path];
  if (path === PAGE) {
    return [method === "GET" ? "200 <!doctype html>" : "405 method not allowed"];
  }
  const isGet = GETS.includes(path);
  if (call === undefined && !isGet) {
    return ["404 not found"];
  }
  if (method !== (isGet ? "GET" : "POST")) {
    return ["405 method not allowed"];
  }
  if (secret !== "right") {
    return ["403 forbidden"];
  }
  if (call === undefined) {
    return ["200 {"];
  }
  if (isDamaged) {
    return ["400 bad request"];
  }
  const fault = bodyFault(call, body?.text ?? "");
  if (fault !== undefined) {
    return [`400 ${fault}`];
  }
  // Others register and unregister topics at the same time.
  return call === "publish" ? ["200 ", "404 topic not registered"] : ["200 "];
}

async function attempt(worker: WorkerProcess, { requests, edits: changes, cuts }: Case) {
  const all = requests.map((one) => bytesOf(worker, one));
  const last = all.pop() ?? Buffer.alloc(0);
  const isDamaged = changes.length > 0;
  const end = Buffer.from(edited(last.toString("latin1"), changes), "latin1");
  using client = await HttpClient.connect(worker.ports.internal);
  for (const piece of pieces(Buffer.concat([...all, end]), cuts)) {
    client.tcp.write(piece);
    await Promise.resolve();
  }
  for (const one of isDamaged ? requests.slice(0, -1) : requests) {
    const { status, body } = await client.answer();
    const answer = `${status} ${body}`;
    const expected = answersTo(one);
    must(
      expected.some((text) => (/[{>]$/.test(text) ? answer.startsWith(text) : answer === text)),
      () => `answered ${answer.slice(0, 200)}, expected ${expected.join(" or ")}`,
    );
  }
  client.tcp.end();
  await client.tcp.ended(END_MS);
  while (client.tcp.received.length > 0) {
    const { status, body } = await client.interimOrAnswer();
    const isAllowed = (isDamaged && FAULTS.includes(status)) || status === 100;
    must(isAllowed, () => `answered ${status} ${body.slice(0, 200)} to what is no request`);
  }
}

/** The internal API: every right request gets its answer, and a wrong one at worst a refusal. */
export const http = wireTarget<Case>({
  name: "http",
  weight: 1,
  cases,
  open: async (program) => {
    const { arena, worker } = await openSingle(program);
    return { arena, attempt: (value) => attempt(worker, value) };
  },
});
