/**
 * `make soak`: one worker under steady load (PHP publishes, clients come and go), once as this machine
 * is and once as a small one, half of the time each. Memory, open files, threads and delays are sampled
 * every second; nothing may grow beyond noise. Writes a picture and the figures. Status 0: nothing has
 * grown. 1: something has, or something failed. 2: it could not be run.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { makePaint, say } from "../cluster/screen.ts";
import { type ModeResult, runMode } from "./mode.ts";
import { type Options, parseOptions, programOf } from "./options.ts";
import { picture } from "./picture.ts";
import { isSteady, resultText } from "./report.ts";

const GROWS = 1;
const NOT_RUN = 2;
/** A shell's convention for a program that Ctrl-C has ended. */
const INTERRUPTED = 130;

/** Ctrl-C; another reason to end is a fault. */
class Interrupted extends Error {}

async function main(
  { minutes, modes, out, target }: Options,
  directory: string,
  ending: AbortController,
): Promise<number> {
  const paint = makePaint(process.stdout.isTTY === true, Bun.env["NO_COLOR"]);
  const seconds = Math.round((minutes * 60) / modes.length);
  const program = programOf(target);
  const { signal } = ending;
  const onFault = (fault: Error): void => ending.abort(fault);
  const results: ModeResult[] = [];
  for (const mode of modes) {
    results.push(await runMode({ mode, seconds, program, directory, say, signal, onFault }));
  }
  say();
  for (const result of results) {
    say(resultText(result, paint));
    say();
  }
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "soak.svg"), picture(results));
  writeFileSync(join(out, "soak.json"), `${JSON.stringify(results, undefined, 1)}\n`);
  say(`picture and figures: ${relative(process.cwd(), out)}/soak.svg, soak.json`);
  return results.every(isSteady) ? 0 : GROWS;
}

const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => ending.abort(new Interrupted()));
}
// A reader that has gone (`make soak | head`) is no reason to leave a worker behind.
process.stdout.on("error", () => ending.abort(new Interrupted()));

let status = NOT_RUN;
const directory = mkdtempSync(join(tmpdir(), "wavelog-soak-"));
try {
  status = await main(parseOptions(Bun.argv.slice(2)), directory, ending);
} catch (fault) {
  if (ending.signal.reason instanceof Interrupted) {
    status = INTERRUPTED;
  } else {
    const reason: unknown = ending.signal.aborted ? ending.signal.reason : fault;
    process.stderr.write(`soak: ${reason instanceof Error ? reason.message : String(reason)}\n`);
  }
}
rmSync(directory, { recursive: true, force: true });
process.exit(status);
