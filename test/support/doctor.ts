import { writeFileSync } from "node:fs";
import type { CheckId } from "../../src/cli/doctor/checks.ts";
import { Program } from "./program.ts";
import { SOURCE_RUN, type Target } from "./targets.ts";
import { LOOPBACK } from "./tcp-client.ts";
import { TempDir } from "./temp-dir.ts";
import { configText, type WorkerProcess } from "./worker.ts";

/** A finding as `doctor --json` prints it. */
export interface ToldFinding {
  readonly id: CheckId;
  readonly verdict: "ok" | "warning" | "problem" | "skipped";
  readonly text: string;
  readonly fix: readonly string[];
}

/** What the doctor said. */
export class Diagnosis {
  readonly status: number | NodeJS.Signals;
  readonly findings: readonly ToldFinding[];

  constructor(status: number | NodeJS.Signals, json: string) {
    this.status = status;
    this.findings = (JSON.parse(json) as { checks: readonly ToldFinding[] }).checks;
  }

  /** The finding of a check; there is exactly one. */
  of(id: CheckId): ToldFinding {
    const [finding, ...more] = this.findings.filter((one) => one.id === id);
    if (finding === undefined || more.length > 0) {
      throw new Error(`not one finding "${id}" in ${JSON.stringify(this.findings)}`);
    }
    return finding;
  }

  /** Ids of the findings with this verdict. */
  with(verdict: ToldFinding["verdict"]): readonly CheckId[] {
    return this.findings.filter((one) => one.verdict === verdict).map(({ id }) => id);
  }
}

/** How the doctor is asked. */
export interface DoctorCall {
  readonly worker: WorkerProcess;
  /** Words of the command line beside `--config` and `--json`. */
  readonly words?: readonly string[];
  /** Keys of the configuration that is read, instead of the worker's. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly target?: Target;
  /** For one that takes longer than others. */
  readonly deadlineMs?: number;
}

/** Runs the doctor to its end. */
export async function diagnose(call: DoctorCall): Promise<Diagnosis> {
  using dir = new TempDir();
  const { env = {}, deadlineMs } = call;
  await using program = new Program([...doctorCommand(call, dir), "--json"], { env });
  const status = await program.exit(deadlineMs);
  if (program.stderr.text !== "") {
    throw new Error(program.stderr.text);
  }
  return new Diagnosis(status, program.stdout.text);
}

/** Starts the doctor, for people. */
export function startDoctor(call: DoctorCall, dir: TempDir): Program {
  return new Program(doctorCommand(call, dir));
}

function doctorCommand(call: DoctorCall, dir: TempDir): readonly string[] {
  const { worker, words = [], config = {}, target = SOURCE_RUN } = call;
  const path = dir.file("config.yaml");
  const text = configText({
    ws_port: worker.ports.ws,
    ws_bind: LOOPBACK,
    internal_port: worker.ports.internal,
    worker_secret: worker.secret,
    ...config,
  });
  writeFileSync(path, text, { mode: 0o600 });
  return [...target.command(), "doctor", "--config", path, ...words];
}
