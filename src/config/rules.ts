import { bindsOverlap } from "./bind-address.ts";
import type { ConfigKey, Settings } from "./schema.ts";

/** A fault that concerns more than the form of one value. */
export interface RuleFault {
  /** The keys concerned; the message names the first that somebody has set. */
  readonly keys: readonly [ConfigKey, ...ConfigKey[]];
  /** Goes after the key. */
  readonly problem: string;
}

/** What must hold between values that are each in order. */
export function brokenRules(settings: Settings): readonly RuleFault[] {
  return [samePort(settings), sameSecret(settings)].filter((fault) => fault !== undefined);
}

/** Two listeners cannot share a port on the same address. */
function samePort(settings: Settings): RuleFault | undefined {
  const { ws_port: port, ws_bind: ws, internal_bind: internal } = settings;
  if (port !== settings.internal_port || !bindsOverlap(ws, internal)) {
    return undefined;
  }
  return {
    keys: ["internal_port", "ws_port"],
    problem: `"${port}" is the port of ws_port and internal_port both; give them different ones`,
  };
}

/** A secret that replaces itself is a slip: one of the two lines was not changed. */
function sameSecret(settings: Settings): RuleFault | undefined {
  if (settings.worker_secret_previous.reveal() !== settings.worker_secret.reveal()) {
    return undefined;
  }
  return {
    keys: ["worker_secret_previous", "worker_secret"],
    problem: "is the same as worker_secret; give the former one, or remove it",
  };
}
