import { TokenVerifier } from "../protocol/token.ts";
import type { ConnectionLimits } from "./admission.ts";
import type { GatewaySettings } from "./link.ts";
import { originCheck } from "./origin.ts";
import { trustedProxyCheck } from "./trusted-proxies.ts";

/**
 * What one thread decides by: its settings made ready, so that nothing is derived from them for each
 * socket. Never changed, only replaced as a whole when there are new settings.
 */
export interface GatewayPolicy {
  readonly tokens: TokenVerifier;
  readonly isOriginAllowed: (origin: string | null) => boolean;
  /** Whether an IP address is that of a proxy whose forwarding headers are believed. */
  readonly isTrustedProxy: (address: string) => boolean;
  readonly limits: ConnectionLimits;
}

/** Makes the settings ready. */
export function gatewayPolicy(settings: GatewaySettings): GatewayPolicy {
  return {
    tokens: new TokenVerifier(settings.secrets),
    isOriginAllowed: originCheck(settings.allowedOrigins),
    isTrustedProxy: trustedProxyCheck(settings.trustedProxies),
    limits: settings.limits,
  };
}
