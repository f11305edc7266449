/**
 * Macros: run when this program is built, or by `bun src/main.ts` when somebody opens the page for
 * the first time. What they return is part of the program then.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const PAGE = join(import.meta.dir, "page");

/** A file of the page as it is. */
export function embedText(name: string): string {
  return readFileSync(join(PAGE, name), "utf8");
}

/** A script or style sheet of the page with all it imports, in one piece and small. */
export function embedBundle(name: string): string {
  // By another process: a bundler that waits for itself would wait for ever.
  const command = [process.execPath, "build", join(PAGE, name), "--target=browser", "--minify"];
  const { success, stdout, stderr } = Bun.spawnSync(command);
  if (!success) {
    throw new Error(`${name} cannot be bundled: ${stderr.toString()}`);
  }
  return stdout.toString();
}
