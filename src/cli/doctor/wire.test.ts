import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { OPCODE } from "./frames.ts";
import { ProbeSocket } from "./probe-socket.ts";
import { exchangeHeads, open, resolveName, type Target } from "./wire.ts";

const patience = { deadlineMs: 300, signal: new AbortController().signal };

const running: { stop(): void }[] = [];

afterEach(() => {
  for (const server of running.splice(0)) {
    server.stop();
  }
});

/** A server that does with each connection what it is told. */
async function serverThat(act: (socket: Socket) => void): Promise<Target> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    act(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  running.push({ stop: () => void server.close() });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { address: "127.0.0.1", port, host: "localhost", isTls: false };
}

/** What comes of a request to a server. */
async function asked(act: (socket: Socket) => void): Promise<unknown> {
  const opened = await open(await serverThat(act), patience);
  if (!opened.ok) {
    return opened.why;
  }
  const result = await exchangeHeads(opened.socket, "GET / HTTP/1.1\r\n\r\n", patience);
  opened.socket.destroy();
  return result.ok ? result.answer.status : result.why;
}

describe("a request", () => {
  test.each<[string, (socket: Socket) => void, unknown]>([
    ["is answered", (socket) => void socket.end("HTTP/1.1 404 x\r\n\r\n"), 404],
    ["that is not answered ends at the deadline", () => undefined, "does not answer within 0.3 s"],
    ["that is cut off says so", (socket) => void socket.end(), "closes the connection unanswered"],
    [
      "to what speaks no HTTP says so",
      (socket) => void socket.write("SSH-2.0-x\r\n"),
      "speaks no HTTP",
    ],
  ])("%s", async (_, act, expected) => {
    expect(await asked(act)).toBe(expected);
  });

  test("is not answered without end", async () => {
    const endless = (socket: Socket): void => {
      const more = (): void => {
        while (socket.write("x".repeat(65_536))) {
          // Until the buffer is full.
        }
      };
      socket.on("drain", more);
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      more();
    };
    expect(await asked(endless)).toBe(200);
  });
});

describe("a connection", () => {
  test("that TLS gets no answer on ends at the deadline", async () => {
    const target = await serverThat(() => undefined);
    expect(await open({ ...target, isTls: true }, patience)).toMatchObject({
      ok: false,
      code: "TIMEOUT",
    });
  });

  test("is given up when interrupted", async () => {
    const controller = new AbortController();
    const target = await serverThat(() => controller.abort());
    const { signal } = controller;
    expect(await open({ ...target, isTls: true }, { deadlineMs: 10_000, signal })).toMatchObject({
      ok: false,
      code: "ABORTED",
    });
  });
});

test("names are looked up", async () => {
  const known = await resolveName("localhost", { ...patience, deadlineMs: 3_000 });
  expect(known.ok && known.addresses).toContain("127.0.0.1");
  const unknown = await resolveName("wavelog.invalid", { ...patience, deadlineMs: 3_000 });
  expect(unknown.ok).toBe(false);
});

describe("a socket", () => {
  /** A socket to a server that sends these bytes, then does nothing. */
  async function socketWith(
    ...bytes: number[]
  ): Promise<{ probe: ProbeSocket; heard: Promise<Uint8Array> }> {
    const heard = Promise.withResolvers<Uint8Array>();
    const opened = await open(
      await serverThat((socket) => {
        socket.on("data", (data) => heard.resolve(Buffer.from(data)));
        socket.write(Uint8Array.from(bytes));
      }),
      patience,
    );
    if (!opened.ok) {
      throw new Error(opened.why);
    }
    const probe = new ProbeSocket(opened.socket, Buffer.alloc(0), (count) => new Uint8Array(count));
    return { probe, heard: heard.promise };
  }
  const { signal } = patience;

  test("puts messages together, and answers pings between their parts", async () => {
    const { probe, heard } = await socketWith(
      ...[OPCODE.text, 1, 0x61],
      ...[0x80 | OPCODE.ping, 1, 0x70],
      ...[0x80 | OPCODE.continuation, 1, 0x62],
    );
    expect((await probe.until(() => probe.arrivals[0], 3_000, signal))?.text).toBe("ab");
    expect(probe.pings).toHaveLength(1);
    expect([...(await heard)]).toEqual([0x8a, 0x81, 0, 0, 0, 0, 0x70]);
    probe.end();
  });

  test("says how it was closed", async () => {
    const { probe } = await socketWith(0x80 | OPCODE.close, 4, 0x03, 0xf4, 0x68, 0x69);
    await probe.until(() => probe.closing, 3_000, signal);
    expect(probe.closing).toMatchObject({ code: 1012, reason: "hi" });
    probe.end();
  });

  test("takes what is no frame for the end", async () => {
    const { probe } = await socketWith(...Buffer.from("<html>"));
    await probe.until(() => probe.closing, 3_000, signal);
    expect(probe.closing).toMatchObject({ code: 1006, reason: "no WebSocket frames" });
  });

  test("waits no longer than it should", async () => {
    const { probe } = await socketWith();
    expect(await probe.until(() => probe.arrivals[0], 50, signal)).toBeUndefined();
    expect(await probe.until(() => probe.arrivals[0], 10_000, AbortSignal.abort())).toBeUndefined();
    probe.end();
  });
});
