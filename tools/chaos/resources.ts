import { openFiles, residentBytes } from "../../test/support/proc.ts";
import type { Worker } from "./worker.ts";

/** What a worker takes at a moment. */
export interface Usage {
  readonly name: string;
  readonly pid: number;
  /** Resident memory. */
  readonly bytes: number;
  readonly files: number;
  /** Of these, browsers' sockets. */
  readonly sockets: number;
}

/** Measures every worker. */
export async function measure(workers: readonly Worker[]): Promise<Usage[]> {
  return await Promise.all(
    workers.map(async (worker) => {
      const { pid } = worker.process;
      const sockets = (await worker.status())?.connected_sockets ?? 0;
      return {
        name: worker.name,
        pid,
        bytes: residentBytes(pid),
        files: openFiles(pid),
        sockets,
      };
    }),
  );
}
