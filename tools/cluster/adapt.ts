/** What stands in a file, and what is to stand there instead. */
export type Replacement = readonly [from: string, to: string];

/**
 * Puts values of this machine into a configuration file of `deploy/`.
 *
 * @throws when one is not in the file, so that file and replacements cannot drift apart.
 */
export function adapt(text: string, replacements: readonly Replacement[]): string {
  let adapted = text;
  for (const [from, to] of replacements) {
    if (!adapted.includes(from)) {
      throw new Error(`"${from}" is not in the file`);
    }
    adapted = adapted.replaceAll(from, () => to);
  }
  return adapted;
}

/** The addresses that stand for the workers in the files of `deploy/`. */
const SHOWN_HOSTS = ["10.0.0.11", "10.0.0.12", "10.0.0.13"];

/** Replaces the addresses of the workers. */
export function workerReplacements(
  nodes: readonly { readonly ws: number; readonly internal: number }[],
): Replacement[] {
  return SHOWN_HOSTS.flatMap((host, index): Replacement[] => {
    const node = nodes[index];
    return node === undefined
      ? []
      : [
          [`${host}:9000`, `127.0.0.1:${node.ws}`],
          [`${host}:9001`, `127.0.0.1:${node.internal}`],
        ];
  });
}
