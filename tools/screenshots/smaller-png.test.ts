import { describe, expect, test } from "bun:test";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { smallerPng } from "./smaller-png.ts";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const WIDTH = 7;
const HEIGHT = 5;

/** Signature and header, before the first chunk of data. */
const HEAD_BYTES = 33;

function chunk(type: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

function paeth(a: number, b: number, c: number): number {
  const [toA, toB, toC] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  if (toA <= toB && toA <= toC) {
    return a;
  }
  return toB <= toC ? b : c;
}

/** A picture of made-up pixels, each row with the filter of its number (PNG specification, 9). */
function picture(channels: 3 | 4): { png: Buffer; pixels: Buffer } {
  const rowBytes = WIDTH * channels;
  const pixels = Buffer.from(
    Array.from({ length: HEIGHT * rowBytes }, (_, at) => (at * at * 37 + 11) % 256),
  );
  const at = (row: number, column: number): number =>
    row < 0 || column < 0 ? 0 : (pixels[row * rowBytes + column] ?? 0);
  const rows = Array.from({ length: HEIGHT }, (_, row) => {
    const bytes = Array.from({ length: rowBytes }, (__, column) => {
      const left = at(row, column - channels);
      const up = at(row - 1, column);
      const corner = at(row - 1, column - channels);
      const guesses = [0, left, up, Math.floor((left + up) / 2), paeth(left, up, corner)];
      return (at(row, column) - (guesses[row] ?? 0) + 256) % 256;
    });
    return Buffer.from([row, ...bytes]);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  header[8] = 8;
  header[9] = channels === 4 ? 6 : 2;
  const data = deflateSync(Buffer.concat(rows));
  const png = Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("tEXt", Buffer.from("who\0knows")),
    // In two, as is allowed.
    chunk("IDAT", data.subarray(0, 10)),
    chunk("IDAT", data.subarray(10)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
  return { png, pixels };
}

describe.each([3, 4] as const)("a picture of %d channels", (channels) => {
  test("keeps every pixel, whatever filter its row had", () => {
    const { png, pixels } = picture(channels);
    const smaller = smallerPng(png);
    expect(smaller.subarray(0, HEAD_BYTES)).toEqual(png.subarray(0, HEAD_BYTES));
    const dataAt = HEAD_BYTES + 8;
    expect(smaller.toString("latin1", HEAD_BYTES + 4, dataAt)).toBe("IDAT");
    const data = smaller.subarray(dataAt, dataAt + smaller.readUInt32BE(HEAD_BYTES));
    const rows = inflateSync(data);
    const rowBytes = WIDTH * channels;
    for (let row = 0; row < HEIGHT; row += 1) {
      const start = row * (rowBytes + 1);
      expect(rows[start]).toBe(0);
      const kept = rows.subarray(start + 1, start + 1 + rowBytes);
      expect([...kept]).toEqual([...pixels.subarray(row * rowBytes, (row + 1) * rowBytes)]);
    }
    expect(smallerPng(smaller).equals(smaller)).toBe(true);
  });
});

test("what is no such picture is refused", () => {
  const { png } = picture(3);
  expect(() => smallerPng(Buffer.from("GIF89a"))).toThrow("no PNG as Chromium writes it");
  png[24] = 16;
  expect(() => smallerPng(png)).toThrow("no PNG as Chromium writes it");
});
