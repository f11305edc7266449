import type { Contender } from "./contender.ts";
import { nchan } from "./nchan.ts";
import { pushpin } from "./pushpin.ts";
import { socketIo } from "./socket-io.ts";
import { worker } from "./worker.ts";
import { ws } from "./ws.ts";
import { yardstick } from "./yardstick.ts";

/** Everybody, in the order of tables. */
export const CONTENDERS: readonly Contender[] = [worker, yardstick, nchan, pushpin, socketIo, ws];
