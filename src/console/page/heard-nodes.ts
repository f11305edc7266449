import type { NodeView, SnapshotMessage } from "../messages.ts";

/** The nodes of which is known how they do now: without Redis, the one that tells alone. */
export function heardNodes({ nodes, node: self, redis }: SnapshotMessage): readonly NodeView[] {
  return nodes.filter(
    ({ node, state }) => node === self || (redis === "up" && state !== "gone" && state !== "left"),
  );
}
