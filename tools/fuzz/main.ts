/**
 * `make fuzz`: random and damaged input by the million, against the functions that read it and
 * against the real program. The same `SEED` makes the same cases. Ends with a table, and with status
 * 1 when anything was found.
 */
import { randomInt } from "node:crypto";
import { makePaint, say } from "../cluster/screen.ts";
import { runCampaign } from "./campaign.ts";
import { readOptions, UsageError } from "./options.ts";
import { MAX_SEED } from "./seed.ts";
import { report } from "./table.ts";

const isTty = process.stdout.isTTY === true;
const paint = makePaint(isTty, Bun.env["NO_COLOR"]);
const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => ending.abort());
}

async function main(): Promise<number> {
  const options = readOptions(Bun.env, randomInt(MAX_SEED));
  const { seed, cases, only, program } = options;
  const what = only === undefined ? `${cases.toLocaleString("en-US")} cases` : "cases again";
  say(`fuzz: ${what}, SEED=${seed}, ${program.name}`);
  const start = performance.now();
  const outcomes = await runCampaign({
    ...options,
    signal: ending.signal,
    onOutcome: ({ target, cases: tried }) => {
      if (isTty) {
        say(paint("faint", `  ${target}: ${tried.toLocaleString("en-US")} cases`));
      }
    },
  });
  if (ending.signal.aborted) {
    say("fuzz: interrupted");
    return 1;
  }
  say();
  say(report(outcomes, seed, paint));
  const found = outcomes.reduce((sum, { findings }) => sum + findings.length, 0);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  say();
  say(`fuzz: ${found === 0 ? "nothing found" : `${found} found`} in ${seconds} s, SEED=${seed}`);
  return found === 0 ? 0 : 1;
}

let status: number;
try {
  status = await main();
} catch (fault) {
  const isUsage = fault instanceof UsageError;
  const text = fault instanceof Error ? fault.message : String(fault);
  process.stderr.write(`fuzz: ${isUsage ? text : Bun.inspect(fault)}\n`);
  status = isUsage ? 2 : 1;
}
process.exit(status);
