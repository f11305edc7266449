import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino";
import pretty from "pino-pretty";

/** How the log is written. */
export interface LogOptions {
  /** `auto`: text on a terminal, JSON lines otherwise. */
  readonly format: "auto" | "text" | "json";
  /** Least level that is written; pino's names. */
  readonly level: string;
  /** Whether standard output is a terminal; colours are for terminals alone. */
  readonly isTty: boolean;
}

/** A log and the way to make sure that all of it is written. */
export interface Log {
  readonly logger: Logger;
  /**
   * Writes what is still buffered and closes the log, for the very end. Gives up after a while when
   * nobody reads it. Never rejects.
   */
  readonly close: () => Promise<void>;
}

/**
 * Bytes that wait for a reader of the log who has stalled. Beyond, lines are dropped: the log may
 * wait for its reader, the service may not.
 */
const MAX_LOG_BUFFER_BYTES = 4 * 1024 * 1024;

/** How long the end may wait for a reader of the log, in milliseconds. */
const CLOSE_DEADLINE_MS = 500;

const STDOUT = 1;

/** Opens the log on standard output. */
export function openLog({ format, level, isTty }: LogOptions): Log {
  const isText = format === "text" || (format === "auto" && isTty);
  const stdout = destination({
    dest: STDOUT,
    sync: false,
    // Written at once; only with a least length does the stream tell when all is written.
    minLength: 1,
    maxLength: MAX_LOG_BUFFER_BYTES,
  });
  const stream: DestinationStream = isText
    ? pretty({
        destination: stdout,
        colorize: isTty,
        ignore: "pid,hostname",
        singleLine: true,
        translateTime: "SYS:yyyy-mm-dd HH:MM:ss.l",
      })
    : stdout;
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    logger,
    close: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const deadline = setTimeout(resolve, CLOSE_DEADLINE_MS);
      stdout.flush(() => resolve());
      await promise;
      clearTimeout(deadline);
      // Else the process would write the rest at its exit, however long that takes.
      stdout.destroy();
    },
  };
}
