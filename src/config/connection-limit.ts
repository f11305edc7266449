/** Files kept back so that PHP gets in when there is none left: its connections at one instant. */
export const PHP_FILES = 64;

/** Files the worker itself has open or may need: threads, Redis, the log, files it writes. */
const OWN_FILES = 64;

/** Connections that are being turned away, or have not said yet what they want. */
const PASSING_FILES = 64;

/** Of a large limit more is kept back, since more pass through at once, in parts of the limit. */
const RESERVED_PART = 0.05;

/** Beyond it, keeping back more serves nobody. */
const MAX_RESERVE = 1024;

/** Below this file limit, `auto` is told to be little: distributions give a service no less. */
const LITTLE_FILES = 1024;

/** Given as the limit to set where any will do: as good as every service sets one like it. */
const AMPLE_FILES = 65_536;

/** Without a known file limit (not Linux) this is `auto`. */
const UNKNOWN_LIMIT_CONNECTIONS = 10_000;

/** How many sockets may be held, and what the operator should know about that. */
export type ConnectionLimit =
  | { readonly ok: true; readonly connections: number; readonly warning: string | undefined }
  /** There is not even room for one; one line, with what to do. */
  | { readonly ok: false; readonly problem: string };

/**
 * The number of sockets that may be held at once: what was set or, for `auto`, what the file limit
 * leaves when enough is kept back for PHP and the worker itself; never more than that.
 *
 * @param fileLimit How many files this process may have open; `undefined` where nobody knows.
 */
export function resolveConnectionLimit(
  setting: "auto" | number,
  fileLimit: number | undefined,
): ConnectionLimit {
  if (fileLimit === undefined) {
    const connections = setting === "auto" ? UNKNOWN_LIMIT_CONNECTIONS : setting;
    return { ok: true, connections, warning: undefined };
  }
  const room = fileLimit - reserveOf(fileLimit);
  if (room < 1) {
    return { ok: false, problem: advice(fileLimit, "no browser", AMPLE_FILES) };
  }
  if (setting === "auto") {
    const isLittle = fileLimit < LITTLE_FILES;
    const warning = isLittle ? advice(fileLimit, `${room} browsers`, AMPLE_FILES) : undefined;
    return { ok: true, connections: room, warning };
  }
  const isEnough = setting <= room;
  const what = `${room} browsers, less than max_connections (${setting})`;
  const warning = isEnough ? undefined : advice(fileLimit, what, filesFor(setting));
  return { ok: true, connections: Math.min(setting, room), warning };
}

/** Files that are not for browsers. */
function reserveOf(fileLimit: number): number {
  const part = Math.ceil(fileLimit * RESERVED_PART);
  return Math.max(PHP_FILES + OWN_FILES + PASSING_FILES, Math.min(part, MAX_RESERVE));
}

/** The smallest file limit that has room for so many connections. */
function filesFor(connections: number): number {
  let files = connections + reserveOf(connections);
  while (files - reserveOf(files) < connections) {
    files += 1;
  }
  return files;
}

function advice(fileLimit: number, room: string, wanted: number): string {
  return (
    `the file limit of ${fileLimit} leaves room for ${room}; raise it to ${wanted}: ` +
    `LimitNOFILE=${wanted} in the systemd unit, "ulimit -n ${wanted}" in a shell, ` +
    `or "ulimits: {nofile: ${wanted}}" in a compose file`
  );
}
