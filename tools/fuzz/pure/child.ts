/**
 * A process of its own for the cases of one target after the other: what hangs or dies is this
 * process alone. Gets a {@link PureOrder} as a message, and answers it with a `PureResult`.
 */
import type { PureOrder } from "./process.ts";
import { Progress } from "./progress.ts";
import { PURE_TARGETS } from "./targets.ts";

const progress = Progress.open(process.argv[2] ?? "");

process.on("message", ({ name, ...run }: PureOrder) => {
  const target = PURE_TARGETS.find((one) => one.name === name);
  if (target === undefined) {
    throw new Error(`there is no target "${name}"`);
  }
  const onCase = (index: number): void => {
    progress.index = index;
  };
  process.send?.(target.run({ ...run, onCase }));
});
