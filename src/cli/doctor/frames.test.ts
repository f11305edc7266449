import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { clientFrame, type Frame, FrameReader, OPCODE } from "./frames.ts";

/** A server's frame, written out. */
function serverFrame(opcode: number, payload: Uint8Array, isLast: boolean = true): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? [length]
      : length < 65_536
        ? [126, length >> 8, length & 255]
        : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from([(isLast ? 0x80 : 0) | opcode, ...head]), payload]);
}

const read = (bytes: Uint8Array): readonly Frame[] | undefined => new FrameReader().push(bytes);

describe("frames of a server", () => {
  test.each([0, 1, 125, 126, 65_535, 65_536, 200_000])("of %d bytes are read", (length) => {
    const payload = Buffer.alloc(length, "x");
    const [frame, ...more] = read(serverFrame(OPCODE.text, payload)) ?? [];
    expect(frame).toMatchObject({ opcode: OPCODE.text, isLast: true });
    expect(frame?.payload.equals(payload)).toBe(true);
    expect(more).toEqual([]);
  });

  test("are the same however their bytes are cut", () => {
    const bytes = Buffer.concat([
      serverFrame(OPCODE.text, Buffer.from("ab"), false),
      serverFrame(OPCODE.ping, Buffer.from("p")),
      serverFrame(OPCODE.continuation, Buffer.alloc(300, "c")),
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        const reader = new FrameReader();
        const marks = [...new Set([0, ...cuts, bytes.length])].sort((a, b) => a - b);
        const frames = marks.flatMap((mark, index) => {
          return reader.push(bytes.subarray(mark, marks[index + 1] ?? mark)) ?? [];
        });
        expect(frames.map(({ opcode, isLast }) => [opcode, isLast])).toEqual([
          [OPCODE.text, false],
          [OPCODE.ping, true],
          [OPCODE.continuation, true],
        ]);
      }),
    );
  });

  test.each([
    ["masked", [0x81, 0x81, 1, 2, 3, 4, 5]],
    ["with reserved bits", [0xc1, 0]],
    ["of 4 GiB", [0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]],
    ["that are HTML", [...Buffer.from("<html>")]],
  ])("%s are refused", (_, bytes) => {
    expect(read(Uint8Array.from(bytes))).toBeUndefined();
  });

  test("never throw, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        read(bytes);
      }),
    );
  });
});

test.each([0, 1, 125, 126, 65_535])("a client's frame of %d bytes is masked", (length) => {
  const mask = Uint8Array.of(1, 2, 3, 255);
  const payload = Buffer.alloc(length, "x");
  const frame = clientFrame(OPCODE.text, payload, mask);
  expect(frame[0]).toBe(0x81);
  expect((frame[1] ?? 0) & 0x80).toBe(0x80);
  // Masking twice is masking not at all, and without its bit it is as a server's.
  const head = length < 126 ? 2 : 4;
  const bare = frame.subarray(head + 4).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  expect(Buffer.from(bare).equals(payload)).toBe(true);
  expect(frame.length).toBe(head + 4 + length);
});
