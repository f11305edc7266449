/** Terminal colours by what they are for. */
const COLOURS = { title: "1", name: "36", event: "32", trouble: "33", faint: "2" } as const;

/** What a piece of text is. */
export type Tone = keyof typeof COLOURS;

/** Colours text for a terminal, or leaves it as it is. */
export type Paint = (tone: Tone, text: string) => string;

/** Colours on a terminal, unless `NO_COLOR` is set (no-color.org); none for a pipe or a file. */
export function makePaint(isTty: boolean, noColor: string | undefined): Paint {
  const isColoured = isTty && (noColor === undefined || noColor === "");
  return (tone, text) => (isColoured ? `\u001b[${COLOURS[tone]}m${text}\u001b[0m` : text);
}

/** Writes a line to standard output. */
export function say(line: string = ""): void {
  process.stdout.write(`${line}\n`);
}

/** A line about what has just happened: when, where, what. */
export function eventLine(paint: Paint, at: Date, where: string, what: string): string {
  const millis = String(at.getMilliseconds()).padStart(3, "0");
  const time = `${at.toTimeString().slice(0, "00:00:00".length)}.${millis}`;
  return `${paint("faint", time)}  ${paint("name", where.padEnd("nginx  ".length))}  ${what}`;
}

/** A payload as one line that cannot steer the terminal. */
export function payloadText(payload: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
  return payload.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, " ");
}
