import { expect, test } from "bun:test";
import { flamePicture } from "./flame.ts";
import { countBy, groupOf } from "./groups.ts";
import { readSamples } from "./samples.ts";

const TEXT = `Worker 10039 
	ffffffff81a0 tcp_v4_rcv ([kernel.kallsyms])
	ffffffff81b0 tcp_sendmsg_locked ([kernel.kallsyms])
	    7f00aa00 __send (/usr/lib/x86_64-linux-gnu/libc.so.6)

ollector Thread 10041 
	     2935cb6 [unknown] (/srv/dist/wavelog_worker)

wavelog_worker 10033 
	    7fffb000 [unknown] ([JIT] tid 10033)

wavelog_worker 10033 
	     2935cb6 [unknown] (/srv/dist/wavelog_worker)

wavelog_worker 10033 
	ffffffff8100 read_tsc ([kernel.kallsyms])
	ffffffff8200 do_futex ([kernel.kallsyms])
`;

test("samples are read, names with spaces in them too", () => {
  const samples = readSamples(TEXT);
  expect(samples.map(({ thread, tid }) => `${thread}/${tid}`)).toEqual([
    "Worker/10039",
    "ollector Thread/10041",
    "wavelog_worker/10033",
    "wavelog_worker/10033",
    "wavelog_worker/10033",
  ]);
  expect(samples[0]?.stack).toEqual([
    { symbol: "tcp_v4_rcv", file: "[kernel.kallsyms]" },
    { symbol: "tcp_sendmsg_locked", file: "[kernel.kallsyms]" },
    { symbol: "__send", file: "/usr/lib/x86_64-linux-gnu/libc.so.6" },
  ]);
});

test("what the kernel does counts for what it was asked to do", () => {
  expect(readSamples(TEXT).map(groupOf)).toEqual([
    "kernel: sending",
    "compilers, garbage, allocator",
    "JavaScript, compiled",
    "Bun and uWebSockets",
    "kernel: waking and waiting",
  ]);
});

test("threads are counted, the busiest first", () => {
  const counts = countBy(readSamples(TEXT), ({ thread }) => thread);
  expect(counts[0]).toEqual(["wavelog_worker", 3]);
  expect(counts).toHaveLength(3);
});

test("the picture has a bar for each part of a stack, as wide as its share", () => {
  const svg = flamePicture("a <title>", readSamples(TEXT));
  expect(svg).toContain("a &lt;title>");
  expect(svg).toContain("<title>wavelog_worker: 60.0 %</title>");
  expect(svg).toContain("<title>do_futex: 20.0 %</title>");
});
