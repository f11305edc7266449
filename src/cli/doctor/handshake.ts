import { cleanText } from "../../config/fault-text.ts";
import { API_ERRORS, UPGRADE_ERRORS } from "../../protocol/api-errors.ts";
import { type Finding, ok, problem, skipped } from "./finding.ts";
import { advice, type Front, type Place } from "./front.ts";
import type { HttpAnswer } from "./http-answer.ts";

const MAX_SHOWN_LENGTH = 80;

/** What became of a request to be upgraded. */
export type HandshakeOutcome =
  | "upgraded"
  /** 101, but not to this request. */
  | "foreign_upgrade"
  /** A worker, which does not know the topic; it does not say whether it could be upgraded. */
  | "unknown_topic"
  | "no_upgrade"
  | "unknown_path"
  | "no_query"
  | "turned_away"
  | "worker_fault"
  | "origin_refused"
  | "web_server_404"
  | "page"
  | "redirect"
  | "denied"
  | "no_worker"
  | "needs_tls"
  | "other";

/** What the original's router says of a path it does not know. */
const ORIGINAL_NOT_FOUND = "404 page not found";

/** Statuses with which a proxy says that there is nobody behind it. */
const NOBODY_BEHIND = [502, 503, 504];

/**
 * Sorts the answer to an upgrade request.
 *
 * @param accept What `Sec-WebSocket-Accept` must be.
 */
export function outcomeOf(answer: HttpAnswer, accept: string): HandshakeOutcome {
  const { status, headers, body } = answer;
  const text = body.trim();
  if (status === 101) {
    return headers.get("sec-websocket-accept") === accept ? "upgraded" : "foreign_upgrade";
  }
  const isWorkers = Object.values(UPGRADE_ERRORS).some(
    (error) => error.status === status && error.text === text,
  );
  if (isWorkers || text === ORIGINAL_NOT_FOUND) {
    return workerOutcome(status, text);
  }
  // Workers of the original say it in their library's words.
  if (status === 426 || (status === 400 && headers.has("sec-websocket-version"))) {
    return "no_upgrade";
  }
  if (status === 400 && /plain HTTP|HTTP request to an HTTPS|speaking plain HTTP/i.test(text)) {
    return "needs_tls";
  }
  if (status >= 300 && status < 400) {
    return "redirect";
  }
  if (status === 401 || status === 403) {
    return "denied";
  }
  if (NOBODY_BEHIND.includes(status)) {
    return "no_worker";
  }
  if (status === 404) {
    return "web_server_404";
  }
  return status === 200 ? "page" : "other";
}

function workerOutcome(status: number, text: string): HandshakeOutcome {
  switch (text) {
    case UPGRADE_ERRORS.topicNotRegistered.text:
      return "unknown_topic";
    case UPGRADE_ERRORS.notAWebSocket.text:
    case UPGRADE_ERRORS.unsupportedVersion.text:
    case UPGRADE_ERRORS.badKey.text:
      return "no_upgrade";
    case UPGRADE_ERRORS.missingTopic.text:
      return "no_query";
    case UPGRADE_ERRORS.originNotAllowed.text:
      return "origin_refused";
    case UPGRADE_ERRORS.internal.text:
      return "worker_fault";
    case UPGRADE_ERRORS.notFound.text:
    case ORIGINAL_NOT_FOUND:
      return "unknown_path";
    default:
      return status === 503 ? "turned_away" : "other";
  }
}

/** Whether a path leads to the internal API: what that answers who comes without the secret. */
export function isInternalApi({ status, body }: HttpAnswer): boolean {
  return status === API_ERRORS.forbidden.status && body.trim() === API_ERRORS.forbidden.text;
}

/** What is known when a handshake is judged. */
export interface HandshakeFacts {
  readonly outcome: HandshakeOutcome;
  readonly answer: HttpAnswer;
  /** Whether the internal API is what the path leads to. */
  readonly isInternal: boolean;
  readonly endpoint: string;
  readonly front: Front;
  readonly place: Place;
  /** From the first byte out to the answer, in milliseconds. */
  readonly tookMs: number;
}

/** Whether the address leads to the worker, and whether the upgrade is passed on. */
export function judgeHandshake(facts: HandshakeFacts): readonly [path: Finding, upgrade: Finding] {
  const { outcome, answer, endpoint, front, place, tookMs } = facts;
  const { status } = answer;
  const body = cleanText(answer.body.trim(), MAX_SHOWN_LENGTH);
  const reached = ok("path", `${endpoint} leads to a worker`);
  const lost = (text: string, ...fix: readonly string[]): readonly [Finding, Finding] => [
    problem("path", text, ...fix),
    skipped("upgrade", "the worker was not reached"),
  ];
  const route = advice(front, "route", place);
  switch (outcome) {
    case "upgraded":
      return [reached, ok("upgrade", `HTTP 101 after ${Math.round(tookMs)} ms`)];
    case "unknown_topic":
      return [reached, skipped("upgrade", "the worker does not know the topic")];
    case "foreign_upgrade":
      return [
        ok("path", `${endpoint} answers`),
        problem(
          "upgrade",
          "HTTP 101, but not the answer to this request: something on the way answers by itself",
          "look for a proxy, a firewall or a virus scanner that takes WebSockets apart",
        ),
      ];
    case "no_upgrade":
      return [
        reached,
        problem(
          "upgrade",
          `the worker was reached, but headers of the upgrade (Upgrade, Connection, Sec-WebSocket-…) were lost on the way (HTTP ${status})`,
          ...advice(front, "upgrade", place),
        ),
      ];
    case "turned_away":
      return [
        reached,
        problem(
          "upgrade",
          `the worker turns browsers away (HTTP ${status} "${body}")`,
          "wavelog_worker status shows how it does; docs/configuration.md has its limits",
        ),
      ];
    case "worker_fault":
      return [
        reached,
        problem("upgrade", `the worker has failed (HTTP ${status})`, "its log has the fault"),
      ];
    case "origin_refused":
      return [
        reached,
        problem(
          "upgrade",
          "the worker refuses an origin that was not sent: a proxy adds the header Origin",
          "let it pass on the browser's own",
        ),
      ];
    case "unknown_path":
      return lost(...unknownPath(facts, route));
    case "no_query":
      return lost(
        `the worker was reached, but the query (?topic=…) was lost on the way (HTTP ${status})`,
        "a rewrite rule or a proxied address with a path of its own drops it",
        ...route,
      );
    case "web_server_404":
      return lost(
        `HTTP 404, and not from the worker: nothing leads to the worker at ${endpoint}`,
        ...(place.prefix === ""
          ? ["is a prefix missing in --url, such as wss://log.example.org/worker?"]
          : route),
      );
    case "page":
      return lost(
        "HTTP 200, a page: Wavelog's or the web server's own, not the worker",
        "no rule for this path leads to the worker, or another one comes before it",
        ...route,
      );
    case "redirect": {
      const to = cleanText(answer.headers.get("location") ?? "nowhere", MAX_SHOWN_LENGTH);
      return lost(
        `HTTP ${status}, a redirection to ${to}: browsers don't follow one for a WebSocket`,
        "give that address as wss://… instead, in Wavelog's configuration and here",
      );
    }
    case "denied":
      return lost(
        `HTTP ${status}, and not from the worker: the web server lets nobody through`,
        "no password, address list or firewall rule may stand before this path: tokens are checked by the worker",
      );
    case "no_worker":
      return lost(
        `HTTP ${status}: the web server does not reach the worker`,
        `does the worker run? it should be at ${place.worker} for the web server, or where its proxy rule says;`,
        "in containers 127.0.0.1 is the container itself: use the worker's service name;",
        "with SELinux: setsebool -P httpd_can_network_connect 1",
        ...route,
      );
    case "needs_tls":
      return lost(`HTTP ${status}: this port speaks TLS`, "use wss:// instead of ws://");
    case "other":
      return lost(
        `HTTP ${status} "${body}", and not from the worker`,
        "the web server's error log says why",
        ...route,
      );
  }
}

function unknownPath(
  { isInternal, front, place, endpoint, answer }: HandshakeFacts,
  route: readonly string[],
): readonly [string, ...string[]] {
  if (isInternal) {
    return [
      "this leads to the worker's internal port: the API of PHP is open to the world",
      `let the web server pass on to ${place.worker}, the port for browsers (ws_port), at once`,
      ...route,
    ];
  }
  const seen = `the worker was reached under a path that it does not know (HTTP ${answer.status})`;
  if (front === "none") {
    return [`${seen}: ${endpoint}`, "the worker's own port has no prefix: end --url with the port"];
  }
  return place.prefix === ""
    ? [`${seen}: the web server changes it`, "it knows /ws alone", ...route]
    : [`${seen}: the prefix ${place.prefix} is not stripped`, ...route];
}
