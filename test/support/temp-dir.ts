import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory of a test's own, gone after it. */
export class TempDir implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "wavelog-worker-test-"));

  /** A file name in it. */
  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
