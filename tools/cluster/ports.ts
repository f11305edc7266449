import { LOOPBACK } from "./places.ts";

/** Ports below 32768, from which Linux takes those of outgoing connections. */
const FIRST_BLOCK = 17_000;
const BLOCK_SIZE = 100;
const BLOCKS = 50;

/** The ports of one node. */
export interface NodePorts {
  readonly ws: number;
  readonly internal: number;
}

/** Everything that listens. */
export interface ClusterPorts {
  readonly redis: number;
  readonly nodes: readonly NodePorts[];
  /** nginx for browsers, TLS. */
  readonly secure: number;
  /** nginx for PHP. */
  readonly virtual: number;
}

/** The number of some block, for programs that may start at the same time as others. */
export function someBlock(): number {
  return Math.floor(Math.random() * BLOCKS);
}

/**
 * The first block of ports of which all are free: 17000 and up unless something else runs there.
 *
 * @param first The number of the block that is tried first.
 */
export function findPorts(nodes: number, first: number = 0): ClusterPorts {
  for (let tries = 0; tries < BLOCKS; tries += 1) {
    const block = (first + tries) % BLOCKS;
    const ports = portsFrom(FIRST_BLOCK + block * BLOCK_SIZE, nodes);
    const all = [ports.redis, ports.secure, ports.virtual].concat(
      ports.nodes.flatMap(({ ws, internal }) => [ws, internal]),
    );
    if (all.every(isFree)) {
      return ports;
    }
  }
  throw new Error(`no block of free ports from ${FIRST_BLOCK} on`);
}

function portsFrom(base: number, nodes: number): ClusterPorts {
  return {
    redis: base,
    nodes: Array.from({ length: nodes }, (_, index) => ({
      ws: base + 1 + index,
      internal: base + 11 + index,
    })),
    secure: base + 20,
    virtual: base + 21,
  };
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: LOOPBACK, port, socket: { data: () => undefined } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
