/** One frame of a stack: what is called, and the file it is in. */
export interface Frame {
  /** A symbol, or `[unknown]` where the file has none. */
  readonly symbol: string;
  /** `[kernel.kallsyms]`, a library's path, or a map of code made at run time. */
  readonly file: string;
}

/** One moment at which a thread was on a processor. */
export interface Sample {
  readonly thread: string;
  readonly tid: number;
  /** The innermost first. */
  readonly stack: readonly Frame[];
}

/** `perf script -F comm,tid,ip,sym,dso`: a name, which may have spaces, and a number. */
const HEAD = /^(\S.*?)\s+(\d+)\s*$/;
/** An address, a symbol with or without an offset, and a file in parentheses. */
const FRAME = /^\s+[0-9a-f]+ (.*) \((.*)\)$/;

/** Reads the text of `perf script -F comm,tid,ip,sym,dso`: samples with an empty line between them. */
export function readSamples(text: string): Sample[] {
  return text.split("\n\n").flatMap((block) => {
    const [head = "", ...lines] = block.split("\n").filter((line) => line.trim() !== "");
    const [, thread, tid] = HEAD.exec(head) ?? [];
    if (thread === undefined || tid === undefined) {
      return [];
    }
    const stack = lines.flatMap((line) => {
      const [, symbol, file] = FRAME.exec(line) ?? [];
      return symbol === undefined || file === undefined ? [] : [{ symbol, file }];
    });
    return [{ thread, tid: Number(tid), stack }];
  });
}
