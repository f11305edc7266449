import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE_BYTES = 8;

/** Length and type before a chunk's data, and the checksum behind it. */
const CHUNK_HEAD_BYTES = 8;
const CHUNK_BYTES = 12;

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

/**
 * The same picture in fewer bytes. Chromium writes each row as differences to its neighbours, which
 * suits photographs; text on plain ground repeats itself, and deflates better as it is.
 *
 * @param png Eight bits a channel, not interlaced, as Chromium writes it; anything else is a fault.
 */
export function smallerPng(png: Buffer): Buffer {
  const chunks = chunksOf(png);
  const header = chunks.find(({ type }) => type === "IHDR")?.data;
  const [depth, colour, , , interlace] = header?.subarray(8) ?? [];
  const pixelBytes = colour === 6 ? 4 : colour === 2 ? 3 : undefined;
  if (header === undefined || depth !== 8 || interlace !== 0 || pixelBytes === undefined) {
    throw new Error("this is no PNG as Chromium writes it");
  }
  const rows = inflateSync(
    Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data)),
  );
  const plain = unfiltered(rows, header.readUInt32BE(0) * pixelBytes, pixelBytes);
  return Buffer.concat([
    png.subarray(0, SIGNATURE_BYTES),
    encodeChunk("IHDR", header),
    encodeChunk("IDAT", deflateSync(plain, { level: 9 })),
    encodeChunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunksOf(png: Buffer): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE_BYTES; at + CHUNK_BYTES <= png.length; ) {
    const start = at + CHUNK_HEAD_BYTES;
    const end = start + png.readUInt32BE(at);
    chunks.push({ type: png.toString("latin1", at + 4, start), data: png.subarray(start, end) });
    at = end + CHUNK_BYTES - CHUNK_HEAD_BYTES;
  }
  return chunks;
}

function encodeChunk(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(CHUNK_BYTES + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, "latin1");
  data.copy(chunk, CHUNK_HEAD_BYTES);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), chunk.length - 4);
  return chunk;
}

/** Rows with the filter "none" instead of theirs (PNG specification, 9.2). */
function unfiltered(rows: Buffer, rowBytes: number, pixelBytes: number): Buffer {
  const plain = Buffer.alloc(rows.length);
  const stride = rowBytes + 1;
  for (let start = 0; start < rows.length; start += stride) {
    const filter = rows[start] ?? 0;
    for (let at = start + 1; at < start + stride; at += 1) {
      const isFirst = at - start <= pixelBytes;
      const left = isFirst ? 0 : (plain[at - pixelBytes] ?? 0);
      const up = start === 0 ? 0 : (plain[at - stride] ?? 0);
      const corner = isFirst || start === 0 ? 0 : (plain[at - stride - pixelBytes] ?? 0);
      plain[at] = (rows[at] ?? 0) + predicted(filter, left, up, corner);
    }
  }
  return plain;
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4:
      return nearest(left + up - corner, left, up, corner);
    default:
      throw new Error(`a row has the filter ${filter}, which no PNG has`);
  }
}

/** The one that a guess is closest to; the first of those that are as close (Paeth). */
function nearest(guess: number, ...candidates: readonly number[]): number {
  const distances = candidates.map((one) => Math.abs(guess - one));
  return candidates[distances.indexOf(Math.min(...distances))] ?? 0;
}
