import type { Config } from "../../config/schema.ts";
import { reachableAt } from "../addresses.ts";
import type { Options } from "../arguments.ts";
import { type CliDeps, FAILED, MISUSED, OK } from "../deps.ts";
import { type InternalApi, internalApiAt, internalApiOf, internalUrl } from "../internal-client.ts";
import { paintFor } from "../paint.ts";
import { examine } from "./examination.ts";
import type { Finding } from "./finding.ts";
import { findingLines, jsonReport, summaryLine } from "./report.ts";
import { readSite, type Site } from "./site.ts";

/** Two pings of the worker's, which come every 30 s, and some. */
const DEFAULT_IDLE_SECONDS = 65;

const MAX_IDLE_SECONDS = 3_600;

/** Longest a call of the internal API may take; PHP waits 1 s at most. */
const CALL_DEADLINE_MS = 3_000;

type DoctorDeps = Pick<
  CliDeps,
  "io" | "env" | "now" | "wait" | "interrupted" | "randomBytes" | "version"
>;

/**
 * Tests from outside what breaks in practice, and says how to mend it.
 *
 * @returns 0 without a problem, 1 with one or when interrupted, 2 when an option makes no sense.
 */
export async function doctor(options: Options, config: Config, deps: DoctorDeps): Promise<number> {
  const { io, env } = deps;
  const asked = readOptions(options, config);
  if (typeof asked === "string") {
    io.err(asked);
    return MISUSED;
  }
  const { site, api, idleSeconds } = asked;
  const isJson = options.json === true;
  const paint = paintFor(io.isTty, env);
  const say = (line: string): void => {
    if (!isJson) {
      io.out(line);
    }
  };
  say(paint("bold", `browsers: ${site.endpoint}   PHP: ${internalUrl(api)}`));
  const signal = deps.interrupted();
  const findings: Finding[] = [];
  const examinee = { site, api, config, origin: options.origin, idleSeconds, signal, deps };
  for await (const finding of examine(examinee)) {
    if (signal.aborted) {
      break;
    }
    findings.push(finding);
    for (const line of findingLines(finding, paint)) {
      say(line);
    }
    if (finding.id === "stream" && finding.verdict !== "skipped" && io.isTty && idleSeconds > 0) {
      say(paint("grey", `… now silent for ${idleSeconds} s (--quick leaves this out)`));
    }
  }
  if (signal.aborted) {
    io.err("interrupted");
    return FAILED;
  }
  say(`\n${summaryLine(findings)}`);
  if (isJson) {
    io.out(jsonReport(site.endpoint, internalUrl(api), findings));
  } else if (options.url === undefined) {
    say("This was the way past your web server. For what browsers use: --url wss://…/worker");
  }
  return findings.some(({ verdict }) => verdict === "problem") ? FAILED : OK;
}

interface Asked {
  readonly site: Site;
  readonly api: InternalApi;
  readonly idleSeconds: number;
}

/** The options' values, or what is wrong with them. */
function readOptions(options: Options, config: Config): Asked | string {
  const { url, internal, origin, idle, quick } = options;
  const site = readSite(url ?? `ws://${reachableAt(config.wsBind, config.wsPort)}`);
  if (site === undefined) {
    return "--url is no WebSocket address; give one such as wss://log.example.org/worker";
  }
  const api =
    internal === undefined ? internalApiOf(config) : internalApiAt(internal, config.workerSecret);
  if (api === undefined) {
    return "--internal is no address of an internal API; give one such as http://10.0.0.12:9001";
  }
  if (origin !== undefined && !isOrigin(origin)) {
    return "--origin is no origin; give one such as https://log.example.org, without a path";
  }
  const seconds = Number(idle ?? DEFAULT_IDLE_SECONDS);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_IDLE_SECONDS) {
    return `--idle is no time; give whole seconds from 1 to ${MAX_IDLE_SECONDS}`;
  }
  return {
    site,
    api: { ...api, deadlineMs: CALL_DEADLINE_MS },
    idleSeconds: quick === true ? 0 : seconds,
  };
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text.toLowerCase();
}
