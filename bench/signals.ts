import type { Cleanup } from "./cleanup.ts";
import type { Progress } from "./progress.ts";

/** A shell's convention for a program ended by a signal. */
const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Ends everything that runs, then the process, when a signal comes. Returns whether one has come:
 * what fails from then on fails because it was stopped.
 */
export function stopOnSignals(cleanup: Cleanup, progress: Progress): () => boolean {
  let interrupted = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // A second one while everything is being stopped changes nothing: that takes seconds at most.
      if (interrupted) return;
      interrupted = true;
      progress.clear();
      void cleanup.run().finally(() => process.exit(EXIT_BY_SIGNAL[signal]));
    });
  }
  return () => interrupted;
}
