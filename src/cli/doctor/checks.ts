/**
 * Everything the doctor looks at, in the order in which it does, and the question that is answered.
 * The ids are what programs read and docs/operations.md explains: more may be added, none renamed.
 */
export const CHECKS = {
  internal: "does the internal API answer, as fast as PHP needs it?",
  secret: "is worker_secret the one that the worker runs with?",
  clock: "does the worker's clock agree with the one here?",
  redis: "is Redis in reach, and the path through it proved?",
  files: "may the worker have enough files open?",
  exposed: "is the internal API out of everybody else's reach?",
  name: "is the host name known?",
  port: "does the port take connections?",
  tls: "do browsers accept the certificate?",
  path: "does the address lead to the worker?",
  upgrade: "is the WebSocket upgrade passed on?",
  token: "is a token accepted, within a browser's patience?",
  origin: "are the site's pages let in?",
  delivery: "does an event arrive?",
  stream: "do events arrive at once, one by one, and whole?",
  idle: "does a silent connection live, and do the worker's pings arrive?",
} as const;

export type CheckId = keyof typeof CHECKS;

export const CHECK_IDS = Object.keys(CHECKS) as readonly CheckId[];
