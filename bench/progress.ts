const CLEAR_LINE = "\r\u001b[K";

/** Tells on stderr what is going on: one changing line on a terminal, else a line each. */
export interface Progress {
  readonly say: (text: string) => void;
  /** Leaves an empty line for what comes next. */
  readonly clear: () => void;
}

/** Progress on this process's stderr. */
export function makeProgress(): Progress {
  const terminal = process.stderr.isTTY;
  return {
    say: (text) => {
      process.stderr.write(terminal ? `${CLEAR_LINE}${text} …` : `${text}\n`);
    },
    clear: () => {
      if (terminal) process.stderr.write(CLEAR_LINE);
    },
  };
}
