/**
 * What an error says. When something failed and then its ending failed too, both are told, the
 * cause first: the two together tell that a server died and what it said last.
 */
export function messageOf(error: unknown): string {
  if (error instanceof SuppressedError) {
    return `${messageOf(error.suppressed)}; then, while ending: ${messageOf(error.error)}`;
  }
  return error instanceof Error ? error.message : String(error);
}
