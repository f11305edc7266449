/**
 * The whole test run: types, lint, the executable, then every test (import directions and the
 * freshness of the docs are tests too). Ends with one line, `N passed, N failed`, and the exit
 * status 1 when anything failed.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

const ROOT = join(import.meta.dir, "..");

/** Longest time for one test that sets no limit of its own, in milliseconds. */
const TEST_TIMEOUT_MS = 60_000;

async function run(command: readonly string[]): Promise<boolean> {
  const child = Bun.spawn([...command], { cwd: ROOT, stdout: "inherit", stderr: "inherit" });
  return (await child.exited) === 0;
}

/** A check that counts as one test. */
async function step(what: string, command: readonly string[]): Promise<Counts> {
  process.stdout.write(`\n== ${what}\n`);
  return (await run(command)) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

async function tests(): Promise<Counts> {
  process.stdout.write("\n== tests\n");
  const folder = mkdtempSync(join(tmpdir(), "wavelog-worker-test-"));
  const report = join(folder, "report.xml");
  const isGreen = await run([
    process.execPath,
    "test",
    `--timeout=${TEST_TIMEOUT_MS}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    "./src",
    "./test",
    "./tools",
    "./bench",
  ]);
  const counts = readReport(report);
  rmSync(folder, { recursive: true });
  // A runner that failed without a failed test (a file that does not load) is a failure as well.
  return isGreen || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

/** Totals of a JUnit report; none counts as one failure. */
function readReport(path: string): Counts {
  let head = "";
  try {
    head = /<testsuites[^>]*>/.exec(readFileSync(path, "utf8"))?.[0] ?? "";
  } catch {
    // No report: the runner has died.
  }
  const number = (name: string): number => {
    return Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  };
  const total = number("tests");
  // A skipped test is one that nobody has seen pass.
  const failed = number("failures") + number("errors") + number("skipped");
  return total === 0 ? { passed: 0, failed: 1 } : { passed: total - failed, failed };
}

const results = [
  await step("types", ["node_modules/.bin/tsc", "--noEmit"]),
  await step("types of the page", ["node_modules/.bin/tsc", "--noEmit", "-p", "src/console/page"]),
  await step("lint", ["node_modules/.bin/biome", "check", "."]),
  await step("executable", ["make", "--no-print-directory", "build"]),
  await tests(),
];
const passed = results.reduce((sum, counts) => sum + counts.passed, 0);
const failed = results.reduce((sum, counts) => sum + counts.failed, 0);
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
