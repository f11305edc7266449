import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const NATIVE_DIR = join(import.meta.dir, "native");
const BUILD_DIR = join(import.meta.dir, ".build");
/** -O2 because the yardstick must be as fast as plain C is; warnings so that the code stays clean. */
const FLAGS = ["-O2", "-std=gnu11", "-Wall", "-Wextra"];
const HEADERS = ["common.h", "dialect.h", "sockets.h", "publish.h", "start.h"];
const LOAD_SOURCES = ["load.c", "sockets.c", "publish.c", "start.c", "dialect.c", "common.c"];
const YARDSTICK_SOURCES = ["yardstick.c"];

/** Paths of the two compiled programs. */
export interface NativePrograms {
  readonly load: string;
  readonly yardstick: string;
}

async function build(cc: string, name: string, sources: string[]): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  hasher.update(FLAGS.join(" "));
  for (const file of [...HEADERS, ...sources]) {
    hasher.update(await Bun.file(join(NATIVE_DIR, file)).bytes());
  }
  // The name carries the content, so a changed source is a new program and no date is compared.
  const program = join(BUILD_DIR, `${name}-${hasher.digest("hex").slice(0, 12)}`);
  if (await Bun.file(program).exists()) return program;

  // Another bench may be building the same: each writes its own file, and the last one stays.
  const unfinished = `${program}.${process.pid}`;
  const paths = sources.map((file) => join(NATIVE_DIR, file));
  const result = Bun.spawnSync([cc, ...FLAGS, "-o", unfinished, ...paths]);
  if (!result.success) {
    await rm(unfinished, { force: true });
    throw new Error(`cannot compile ${name}:\n${result.stderr.toString()}`);
  }
  await rename(unfinished, program);
  return program;
}

/**
 * Compiles the load generator and the yardstick unless that has been done. Throws with what to
 * install when there is no C compiler, and with the compiler's words when it refuses.
 */
export async function buildNative(): Promise<NativePrograms> {
  const cc = Bun.which("cc");
  if (cc === null) {
    throw new Error('no C compiler "cc" found: apt-get install gcc libc6-dev');
  }
  await mkdir(BUILD_DIR, { recursive: true });
  return {
    load: await build(cc, "load", LOAD_SOURCES),
    yardstick: await build(cc, "yardstick", YARDSTICK_SOURCES),
  };
}
