import { join } from "node:path";
import { version } from "../../package.json" with { type: "json" };

/** Set when an executable is built (`--define`); absent in a run from source. */
declare const BUILD_COMMIT: string | undefined;

/** Longest `git` may take to name the commit, in milliseconds. */
const GIT_DEADLINE_MS = 1_000;

/** The version: `package.json`'s, plus the short commit when one is known (`1.0.0+1a2b3c4`). */
export function versionText(): string {
  const commit = typeof BUILD_COMMIT === "string" ? BUILD_COMMIT : sourceCommit();
  return commit === "" ? version : `${version}+${commit}`;
}

/** The commit of the folder this file is in; "" when it is no repository of ours or git is absent. */
function sourceCommit(): string {
  try {
    const { success, stdout } = Bun.spawnSync({
      cmd: ["git", "rev-parse", "--show-prefix", "--short", "HEAD"],
      cwd: join(import.meta.dir, "../.."),
      stdio: ["ignore", "pipe", "ignore"],
      timeout: GIT_DEADLINE_MS,
    });
    // The prefix is empty at the top of a repository; elsewhere this is a folder in somebody else's.
    const [, commit = ""] = /^\n([0-9a-f]{4,40})\n$/.exec(stdout.toString()) ?? [];
    return success ? commit : "";
  } catch {
    return "";
  }
}
