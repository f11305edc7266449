import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSamples, type Sample } from "./samples.ts";

/** Samples a second and thread: no divisor of the clock's ticks, which would be hit again and again. */
const FREQUENCY = "499";

/** Until `perf` has opened its counters, in milliseconds. */
const READY_MS = 5_000;

/**
 * Samples every thread of a process, with stacks, while `work` runs.
 *
 * @throws When `perf` is missing, or the kernel does not allow it; says what to do.
 */
export async function record(pid: number, work: () => Promise<void>): Promise<Sample[]> {
  if (Bun.which("perf") === null) {
    throw new Error("perf is missing: apt-get install linux-perf");
  }
  const folder = await mkdtemp(join(tmpdir(), "wavelog-profile-"));
  try {
    const file = join(folder, "perf.data");
    await recordInto(file, folder, pid, work);
    const fields = ["-F", "comm,tid,ip,sym,dso", "-i", file];
    const script = Bun.spawn(["perf", "script", ...fields], { stdout: "pipe", stderr: "ignore" });
    return readSamples(await script.stdout.text());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function recordInto(
  file: string,
  folder: string,
  pid: number,
  work: () => Promise<void>,
): Promise<void> {
  const complaints = join(folder, "complaints");
  const perf = Bun.spawn(["perf", "record", "-F", FREQUENCY, "-g", "-p", `${pid}`, "-o", file], {
    stdout: "ignore",
    stderr: Bun.file(complaints),
  });
  await written(file, perf);
  if (perf.exitCode !== null) {
    const why = (await Bun.file(complaints).text()).trim().split("\n")[0] ?? "";
    throw new Error(
      `perf cannot record here (${why}): as root, or after ` +
        "`sysctl kernel.perf_event_paranoid=1 kernel.kptr_restrict=0`, and not in a container",
    );
  }
  try {
    await work();
  } finally {
    perf.kill("SIGINT");
    await perf.exited;
  }
}

/** Waits until perf has begun its file, or has ended. */
async function written(file: string, perf: Bun.Subprocess): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (perf.exitCode === null && performance.now() < deadline) {
    if (Bun.file(file).size > 0) return;
    await Bun.sleep(10);
  }
}
