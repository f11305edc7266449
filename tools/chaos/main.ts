/**
 * `make chaos`: 500 browsers, PHP that publishes at two workers of a cluster and at one of its own, and
 * a script of faults that a seed decides. Books about every event and every delivery; a table in the
 * end. Status 0: every rule held. 1: one is broken. 2: it could not be run.
 *
 * What is promised to whom, and so what the books demand:
 * - **Browsers** follow Wavelog's rules (`test/browser/browser-rules.ts`). One counts as connected for an
 *   event from `auth_ok` before the publish until some time after PHP had its answer (`ledger.ts`).
 * - **PHP** is real, and keeps Wavelog's deadlines. That of the cluster posts to nginx, with
 *   `deploy/nginx.conf` as it is: one machine's leads to worker A, the other's to B (another constant is
 *   hashed). A worker that ends in order answers what it has taken, so every call must be answered 200.
 *   A worker that is killed takes the call with it that it is just answering, which nobody can promise:
 *   `kill -9` strikes C, where PHP does not publish.
 * - **The single worker** has nobody to take its place while it restarts: calls of its PHP in that time
 *   are counted for themselves. Its browsers must all come back and lose nothing all the same.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../cluster/places.ts";
import { makePaint, say } from "../cluster/screen.ts";
import { aborted } from "./aborted.ts";
import { FULL, SHORT } from "./form.ts";
import { type Options, parseOptions } from "./options.ts";
import { run } from "./run.ts";
import { clockText, makeScript, scriptText } from "./script.ts";
import { tableText } from "./table.ts";
import { judge } from "./verdict.ts";

const BROKEN = 1;
const NOT_RUN = 2;
/** A shell's convention for a program that Ctrl-C has ended. */
const INTERRUPTED = 130;

/** Starting everything, the calm before and after, the last events: beside the script, in milliseconds. */
const OVERHEAD_MS = 35_000;

/** What the table does not demand, and why. */
const FOOTNOTES = `  kill -9 strikes the worker at which no PHP publishes: the call that a killed worker is just
  answering is lost, whatever the worker does. While the single worker is away, its PHP is refused.`;

/** Where the logs of a run that went wrong are kept; git ignores it. */
const KEPT_LOGS = join(ROOT, ".cache", "chaos");

async function main(
  { seed, minutes, isShort, target }: Options,
  directory: string,
  scope: AsyncDisposableStack,
  ending: AbortController,
): Promise<number> {
  const paint = makePaint(process.stdout.isTTY === true, Bun.env["NO_COLOR"]);
  const form = isShort ? SHORT : FULL;
  const roomMs = isShort ? 0 : minutes * 60_000 - OVERHEAD_MS;
  const script = makeScript(seed, form.lengths, roomMs);
  say(paint("title", `chaos, seed ${seed}: ${clockText(script.lengthMs)} of faults`));
  say(scriptText(script));
  say();
  const signal = ending.signal;
  const onFault = (fault: Error): void => ending.abort(fault);
  const play = run({ form, script, target, directory, say, scope, signal, onFault });
  // At once, even when all lanes of the script are waiting for their next fault.
  const seen = await Promise.race([play, aborted(signal)]);
  const rows = judge(seen);
  say();
  say(tableText(rows, paint));
  say();
  say(paint("faint", FOOTNOTES));
  say();
  const isBroken = rows.some((row) => row.isBroken);
  say(isBroken ? "some rules are BROKEN" : "every rule held");
  return isBroken ? BROKEN : 0;
}

/** Keeps what the programs have logged; no file with a secret. */
function keepLogs(directory: string): void {
  rmSync(KEPT_LOGS, { recursive: true, force: true });
  mkdirSync(KEPT_LOGS, { recursive: true });
  for (const name of readdirSync(directory).filter((file) => file.endsWith(".log"))) {
    cpSync(join(directory, name), join(KEPT_LOGS, name));
  }
  say(`logs are in ${KEPT_LOGS}`);
}

/** Ctrl-C; another reason to end is a fault. */
class Interrupted extends Error {}

const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => ending.abort(new Interrupted()));
}
// A reader that has gone (`make chaos | head`) is no reason to leave servers behind.
process.stdout.on("error", () => ending.abort(new Interrupted()));

const scope = new AsyncDisposableStack();
let status = NOT_RUN;
try {
  const options = parseOptions(Bun.argv.slice(2));
  const directory = mkdtempSync(join(tmpdir(), "wavelog-chaos-"));
  scope.defer(() => rmSync(directory, { recursive: true, force: true }));
  try {
    status = await main(options, directory, scope, ending);
  } finally {
    if (status !== 0 && !(ending.signal.reason instanceof Interrupted)) {
      keepLogs(directory);
    }
  }
} catch (fault) {
  if (ending.signal.reason instanceof Interrupted) {
    status = INTERRUPTED;
  } else {
    const reason: unknown = ending.signal.aborted ? ending.signal.reason : fault;
    process.stderr.write(`chaos: ${reason instanceof Error ? reason.message : String(reason)}\n`);
  }
}
ending.abort(new Interrupted());
await scope.disposeAsync();
say(status === INTERRUPTED ? "interrupted; nothing is left running" : "nothing is left running");
process.exit(status);
