import type { Crowd } from "./crowd.ts";
import type { Form } from "./form.ts";
import type { Outage } from "./ledger.ts";
import type { Php } from "./php.ts";
import type { Scene } from "./scene.ts";

/** A time in which the single worker was away: Unix times in milliseconds. */
export interface Away {
  readonly from: number;
  readonly to: number;
}

/** Everything that the faults act on, and what they note. */
export interface Stage {
  readonly form: Form;
  readonly scene: Scene;
  readonly browsers: Crowd;
  readonly singleBrowsers: Crowd;
  /** At A, at B, at the single worker. */
  readonly phps: readonly [Php, Php, Php];
  readonly topics: readonly string[];
  /** The topic that gets the large events. */
  readonly largeTopic: string;
  readonly outages: Outage[];
  readonly aways: Away[];
  readonly signal: AbortSignal;
  readonly onFault: (fault: Error) => void;
}
