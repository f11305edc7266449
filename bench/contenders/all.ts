import type { Contender } from "./contender.ts";
import { worker } from "./worker.ts";
import { yardstick } from "./yardstick.ts";

/** Everybody, in the order of tables. */
export const CONTENDERS: readonly Contender[] = [worker, yardstick];
