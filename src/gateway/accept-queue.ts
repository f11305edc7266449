import { dlopen, FFIType, ptr } from "bun:ffi";
import { readdirSync } from "node:fs";

/** Asked for; the kernel gives what `net.core.somaxconn` allows (4096 unless somebody set it). */
const WANTED_QUEUE = 65_535;

/** Where the C library is, by the names Linux distributions give it. */
const C_LIBRARIES = ["libc.so.6", `libc.musl-${machine()}.so.1`];

/** From Linux' `asm-generic/socket.h`: whether a socket listens. */
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;

/** Room for an address of any family, and where the port stands in it, big-endian. */
const ADDRESS_BYTES = 128;
const PORT_OFFSET = 2;

const INT_BYTES = 4;

const SYMBOLS = {
  listen: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  getsockopt: {
    args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr],
    returns: FFIType.i32,
  },
  getsockname: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
} as const;

/**
 * Enlarges the accept queues of this process' listening sockets on a port: Bun listens with a queue
 * of 512 and has no setting for it, but `listen` may be called again on a socket that listens
 * already, with a larger one (listen(2)). What overflows the queue waits a second for its SYN to be
 * sent again, which a browser with 1.5 s of patience cannot afford.
 *
 * @returns How many sockets got the larger queue; 0 where it cannot be done (not Linux, no C
 *   library by a known name), which leaves Bun's own.
 */
export function enlargeAcceptQueues(port: number): number {
  const libc = process.platform === "linux" ? openLibc() : undefined;
  if (libc === undefined) {
    return 0;
  }
  const { listen, getsockopt, getsockname } = libc.symbols;
  const flag = new Int32Array(1);
  const address = new Uint8Array(ADDRESS_BYTES);
  const length = new Int32Array(1);
  const isListening = (fd: number): boolean => {
    length[0] = INT_BYTES;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, ptr(flag), ptr(length)) === 0 && flag[0] === 1;
  };
  const portOf = (fd: number): number | undefined => {
    length[0] = ADDRESS_BYTES;
    return getsockname(fd, ptr(address), ptr(length)) === 0
      ? new DataView(address.buffer).getUint16(PORT_OFFSET)
      : undefined;
  };
  let enlarged = 0;
  for (const fd of readdirSync("/proc/self/fd").map(Number)) {
    if (isListening(fd) && portOf(fd) === port && listen(fd, WANTED_QUEUE) === 0) {
      enlarged += 1;
    }
  }
  libc.close();
  return enlarged;
}

function openLibc(): ReturnType<typeof dlopen<typeof SYMBOLS>> | undefined {
  for (const name of C_LIBRARIES) {
    try {
      return dlopen(name, SYMBOLS);
    } catch {
      // Not this one: another distribution's name is next.
    }
  }
  return undefined;
}

/** The machine's name as musl has it in its file name. */
function machine(): string {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}
