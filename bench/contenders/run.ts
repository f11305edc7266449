/** A program that only tells its version answers at once. */
const RUN_MS = 5_000;

/**
 * Runs a program to its end; what it wrote to stdout and stderr, trimmed. Throws when it fails or
 * takes longer than 5 s.
 */
export async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: RUN_MS,
  });
  const [out, err, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const text = `${out}${err}`.trim();
  if (status !== 0) throw new Error(`${command.join(" ")} ended with status ${status}: ${text}`);
  return text;
}
