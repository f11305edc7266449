import { join } from "node:path";

/** The repository. */
export const ROOT = join(import.meta.dir, "..", "..");

/** Everything here talks to this machine alone. */
export const LOOPBACK = "127.0.0.1";

/** A file of `deploy/`, which is what the documentation shows. */
export function deployFile(name: string): string {
  return join(ROOT, "deploy", name);
}
