import { existsSync } from "node:fs";
import { join } from "node:path";

/** The repository. */
export const ROOT = join(import.meta.dir, "..", "..");

const SOURCE = join(ROOT, "src", "main.ts");
const EXECUTABLE = join(ROOT, "dist", "wavelog_worker");

/** A form in which the program is run. */
export interface Target {
  readonly name: string;
  /** The command line that runs the program, its arguments to follow. */
  command(): readonly string[];
}

/** The program from its source, by the Bun that runs the tests. */
export const SOURCE_RUN: Target = {
  name: "source run",
  command: () => [process.execPath, SOURCE],
};

/** The program as it is shipped. */
export const EXECUTABLE_RUN: Target = {
  name: "executable",
  command: () => {
    if (!existsSync(EXECUTABLE)) {
      throw new Error("dist/wavelog_worker is missing: run `make build`");
    }
    return [EXECUTABLE];
  },
};

/** What keeps the contract: both forms, alike. */
export const TARGETS: readonly Target[] = [SOURCE_RUN, EXECUTABLE_RUN];

/** The same, where it may have no more files open than this. */
export function withFileLimit(target: Target, files: number): Target {
  return {
    name: `${target.name}, ${files} files`,
    command: () => ["sh", "-c", `ulimit -n ${files} && exec "$@"`, "sh", ...target.command()],
  };
}
