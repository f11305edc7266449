import type { Sample } from "./samples.ts";

/** What the processor was busy with, in the order in which it is shown. */
export const GROUPS = [
  "kernel: sending",
  "kernel: epoll and receiving",
  "kernel: waking and waiting",
  "kernel: other",
  "Bun and uWebSockets",
  "JavaScript, compiled",
  "compilers, garbage, allocator",
  "C library",
  "other",
] as const;

/** One of {@link GROUPS}. */
export type Group = (typeof GROUPS)[number];

const KERNEL = "[kernel.kallsyms]";

/** Threads of the runtime that serve no request: compilers, collectors, the allocator's. */
const RUNTIME_THREAD = /^(JITWorker|HeapHelper|mi-scavenger|JSCWarmUp|.*ollector Thread)/;

/** What a stack in the kernel is about, by any function in it; the first that fits. */
const KERNEL_GROUPS: readonly (readonly [RegExp, Group])[] = [
  // What it sends over loopback is also received there and then, on the sender's account.
  // `write` is how the yardstick sends; the worker's others are few.
  [/^(__sys_sendto|ksys_write|sock_write_iter|__sock_sendmsg|tcp_sendmsg)/, "kernel: sending"],
  [
    /^(do_epoll|ep_|__x64_sys_epoll|__arm64_sys_epoll|__sys_recv|sock_read_iter|tcp_recvmsg)/,
    "kernel: epoll and receiving",
  ],
  [/^(do_futex|futex_|__x64_sys_futex|__schedule|schedule$)/, "kernel: waking and waiting"],
];

/** Tells what one sample's thread was busy with. */
export function groupOf({ thread, stack }: Sample): Group {
  if (RUNTIME_THREAD.test(thread)) {
    return "compilers, garbage, allocator";
  }
  const file = stack[0]?.file ?? "";
  if (file === KERNEL) {
    const found = KERNEL_GROUPS.find(([pattern]) =>
      stack.some(({ symbol }) => pattern.test(symbol)),
    );
    return found?.[1] ?? "kernel: other";
  }
  if (/\[JIT\]|jitted-|^\/\/anon|\/perf-\d+\.map$/.test(file)) {
    return "JavaScript, compiled";
  }
  if (/\/(bun|wavelog_worker)$/.test(file)) {
    return "Bun and uWebSockets";
  }
  return /\/lib(c|m|pthread)[.-]|\/ld-|\[vdso\]/.test(file) ? "C library" : "other";
}

/** How often each key is there, the most frequent first. */
export function countBy<Key>(
  samples: readonly Sample[],
  keyOf: (sample: Sample) => Key,
): [Key, number][] {
  const counts = new Map<Key, number>();
  for (const sample of samples) {
    const key = keyOf(sample);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}
