/**
 * The WebSocket protocol after RFC 6455, section by section: what a strict client may rely on, and
 * what becomes of one that breaks the rules. Where the server is more lenient than the RFC, a test
 * says what it does, and docs/protocol.md lists it.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { newTopic, onEachTarget } from "./support/each-target.ts";
import type { HttpAnswer } from "./support/http.ts";
import { TcpClient } from "./support/tcp-client.ts";
import { makeToken } from "./support/token.ts";
import {
  encodeFrame,
  OPCODE,
  type OutFrame,
  topicTarget,
  upgradeAnswer,
} from "./support/ws-client.ts";

setDefaultTimeout(30_000);

const AUTH_OK = '{"type":"auth_ok"}';

/** RFC 6455, 1.3: the example, and the answer it asks for. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const MAX_CONTROL_BYTES = 125;
const MAX_FRAME_BYTES = 4096;
const MIB = 1024 * 1024;

/** A frame, or bytes in its place. */
type Sent = OutFrame | Buffer;

const raw = (...bytes: readonly number[]): Buffer => Buffer.from(bytes);

const text = (payload: string | Uint8Array, more: Partial<OutFrame> = {}): OutFrame => ({
  opcode: OPCODE.text,
  payload,
  ...more,
});

const next = (payload: string | Uint8Array, more: Partial<OutFrame> = {}): OutFrame => ({
  opcode: OPCODE.continuation,
  payload,
  ...more,
});

/** A text message in two fragments. */
const split = (first: Uint8Array, second: Uint8Array): OutFrame[] => [
  text(first, { fin: false }),
  next(second),
];

const ping = (payload: string): OutFrame => ({ opcode: OPCODE.ping, payload });

const close = (code: number, reason: string | Uint8Array = ""): OutFrame => {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return { opcode: OPCODE.close, payload: Buffer.concat([payload, Buffer.from(reason)]) };
};

/** A masked frame whose length is written in more bytes than it needs; the mask changes nothing. */
function lengthy(opcode: number, lengthBytes: 2 | 8, content: string): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt8(content.length, lengthBytes - 1);
  const marker = lengthBytes === 2 ? 0xfe : 0xff;
  return Buffer.concat([raw(0x80 | opcode, marker), length, raw(0, 0, 0, 0), Buffer.from(content)]);
}

/** The beginning of a masked frame of this 64-bit length; its content never comes. */
const announced = (opcode: number, ...length: readonly number[]): Buffer =>
  raw(0x80 | opcode, 0xff, ...length, 1, 2, 3, 4);

const bytesOf = (frames: readonly Sent[]): Buffer =>
  Buffer.concat(frames.map((frame) => (Buffer.isBuffer(frame) ? frame : encodeFrame(frame))));

/** RFC 3629: what no UTF-8 has. */
const NO_UTF8: readonly [what: string, bytes: Buffer][] = [
  ["a byte that never occurs", raw(0xff)],
  ["a stray continuation byte", raw(0x61, 0x80)],
  ["a character cut short", raw(0x61, 0xe2, 0x82)],
  ["a character cut short by the next", raw(0xe2, 0x82, 0x61)],
  ["an overlong NUL", raw(0xc0, 0x80)],
  ["an overlong slash in three bytes", raw(0xe0, 0x80, 0xaf)],
  ["an overlong slash in four bytes", raw(0xf0, 0x80, 0x80, 0xaf)],
  ["the first surrogate", raw(0xed, 0xa0, 0x80)],
  ["the last surrogate", raw(0xed, 0xbf, 0xbf)],
  ["a pair of surrogates", raw(0xed, 0xa0, 0xbd, 0xed, 0xb3, 0xa1)],
  ["the first character beyond U+10FFFF", raw(0xf4, 0x90, 0x80, 0x80)],
  ["a character of five bytes", raw(0xf8, 0x88, 0x80, 0x80, 0x80)],
];

onEachTarget("RFC 6455", (worker) => {
  const registered = async (requireToken: boolean): Promise<string> => {
    const topic = newTopic();
    await worker().api.register(topic, requireToken);
    return topic;
  };

  afterAll(() => {
    expect(worker().stderr.text).toBe("");
    expect(worker().log.filter(({ level }) => level !== "info" && level !== "warn")).toEqual([]);
  });

  describe("4.2, opening handshake", () => {
    const GOOD = {
      start: "GET %s HTTP/1.1",
      Host: "localhost",
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": KEY,
    } as const;
    /** Other lines than those of {@link GOOD}: `null` leaves one out, a list repeats it. */
    type Change = Readonly<Record<string, string | null | readonly string[]>>;

    const ask = async (change: Change): Promise<HttpAnswer> => {
      const { start, ...headers }: Change = { ...GOOD, ...change };
      const target = topicTarget(await registered(false));
      const lines = Object.entries(headers).flatMap(([name, value]) =>
        [value ?? []].flat().map((one) => `${name}: ${one}`),
      );
      using client = await TcpClient.connect(worker().ports.ws);
      client.write([String(start).replace("%s", target), ...lines, "", ""].join("\r\n"));
      return await upgradeAnswer(client);
    };

    const ACCEPTED: readonly [what: string, change: Change][] = [
      ["the RFC's example", {}],
      ["Upgrade in other cases", { Upgrade: "WebSocket" }],
      ["Upgrade among others", { Upgrade: "h2c, websocket" }],
      ["Upgrade on a line of its own", { Upgrade: ["h2c", "websocket"] }],
      ["Connection in other cases", { Connection: "UPGRADE" }],
      ["Connection among others", { Connection: "keep-alive,Upgrade" }],
      ["Connection on a line of its own", { Connection: ["keep-alive", "Upgrade"] }],
      ["header names in other cases", { "Sec-WebSocket-Key": null, "sec-websocket-key": KEY }],
      ["a whole URL for a target", { start: "GET http://localhost%s HTTP/1.1" }],
    ];
    for (const [what, change] of ACCEPTED) {
      test(`${what}: 101, with the right Sec-WebSocket-Accept`, async () => {
        const { status, headers } = await ask(change);
        expect(status).toBe(101);
        expect(headers.get("upgrade")?.toLowerCase()).toBe("websocket");
        expect(headers.get("connection")?.toLowerCase()).toBe("upgrade");
        expect(headers.get("sec-websocket-accept")).toBe(ACCEPT);
      });
    }

    test("nothing is granted that is not spoken: no extension, no subprotocol", async () => {
      const { status, headers } = await ask({
        "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits, x-unknown",
        "Sec-WebSocket-Protocol": "chat, superchat",
      });
      expect(status).toBe(101);
      expect(headers.get("sec-websocket-extensions")).toBeUndefined();
      expect(headers.get("sec-websocket-protocol")).toBeUndefined();
    });

    const NO_UPGRADE: readonly [what: string, change: Change][] = [
      ["POST", { start: "POST %s HTTP/1.1" }],
      ["PUT", { start: "PUT %s HTTP/1.1" }],
      ["no Upgrade", { Upgrade: null }],
      ["an empty Upgrade", { Upgrade: "" }],
      ["another Upgrade", { Upgrade: "h2c" }],
      ["an Upgrade that begins alike", { Upgrade: "websockets" }],
      ["no Connection", { Connection: null }],
      ["an empty Connection", { Connection: "" }],
      ["another Connection", { Connection: "close" }],
      ["a Connection that begins alike", { Connection: "Upgraded" }],
    ];
    for (const [what, change] of NO_UPGRADE) {
      test(`${what}: 426, which says what is spoken`, async () => {
        const { status, headers } = await ask(change);
        expect(status).toBe(426);
        expect(headers.get("upgrade")).toBe("websocket");
        expect(headers.get("sec-websocket-version")).toBe("13");
      });
    }

    const VERSIONS = [null, "", "0", "8", "12", "14", "013", "13, 8", ["13", "8"]];
    for (const version of VERSIONS) {
      test(`version ${version}: 426 with Sec-WebSocket-Version: 13`, async () => {
        const { status, headers, body } = await ask({ "Sec-WebSocket-Version": version });
        expect(status).toBe(426);
        expect(headers.get("sec-websocket-version")).toBe("13");
        expect(body).toBe("unsupported WebSocket version: 13 is spoken here");
      });
    }

    const BAD_KEYS = [null, "", "x", KEY.slice(0, -1), `${KEY}=`, "!".repeat(24), [KEY, KEY]];
    for (const key of [...BAD_KEYS, btoa("15 bytes, no 16"), btoa("17 bytes, not 16.")]) {
      test(`key ${key}: 400`, async () => {
        const { status, body } = await ask({ "Sec-WebSocket-Key": key });
        expect(`${status} ${body}`).toBe(
          "400 bad Sec-WebSocket-Key: send 16 random bytes in base64",
        );
      });
    }

    test("no Host: 400", async () => {
      expect((await ask({ Host: null })).status).toBe(400);
    });

    test("a version of HTTP that is none: 505", async () => {
      expect((await ask({ start: "GET %s HTTP/1.2" })).status).toBe(505);
    });

    test("lenient: HTTP/1.0 is served", async () => {
      expect((await ask({ start: "GET %s HTTP/1.0" })).status).toBe(101);
    });

    test("lenient: Host may be empty, or given twice", async () => {
      expect((await ask({ Host: "" })).status).toBe(101);
      expect((await ask({ Host: ["localhost", "example.org"] })).status).toBe(101);
    });
  });

  /**
   * Sends frames before auth and after it: the connection must fail with a code, at once, and
   * nothing behind the fault be read.
   */
  const expectFailure = async (code: number, frames: readonly Sent[]): Promise<void> => {
    const open = await registered(false);
    using fresh = await worker().open(await registered(true));
    using subscribed = await worker().subscribe(open);
    for (const socket of [fresh, subscribed]) {
      socket.tcp.write(bytesOf([...frames, ping("too late")]));
      expect((await socket.closed()).code).toBe(code);
      await socket.tcp.ended();
      expect(socket.pongs).toEqual([]);
    }
    expect(fresh.frames).toEqual([]);
    expect(subscribed.frames).toEqual([AUTH_OK]);
  };

  /** Sends frames after auth: what comes back is the pongs, and the socket hears events as before. */
  const expectNoFault = async (frames: readonly Sent[], pongs: readonly string[]) => {
    const topic = await registered(false);
    using socket = await worker().subscribe(topic);
    socket.tcp.write(bytesOf([...frames, ping("fence")]));
    await socket.until(() => socket.close ?? socket.pongs[pongs.length], "a pong");
    expect(socket.pongs).toEqual([...pongs, "fence"]);
    await worker().api.publish(topic, "1");
    await socket.framesReach(2);
    expect(socket.frames).toEqual([AUTH_OK, '{"type":"push","payload":1}']);
    expect(socket.close).toBeUndefined();
  };

  const eachFails = (code: number, cases: readonly [what: string, frames: readonly Sent[]][]) => {
    for (const [what, frames] of cases) {
      test(`${what}: ${code}`, () => expectFailure(code, frames));
    }
  };

  describe("5.1, a client's frames are masked", () => {
    eachFails(1002, [
      ["text without mask", [text("hello", { mask: false })]],
      ["empty text without mask", [text("", { mask: false })]],
      ["long text without mask", [text("x".repeat(1000), { mask: false })]],
      ["a fragment without mask", [text("a", { fin: false }), next("b", { mask: false })]],
      ["ping without mask", [{ ...ping("x"), mask: false }]],
      ["close without mask", [{ ...close(1000), mask: false }]],
    ]);

    test("a mask of zeros is one", () => expectNoFault([raw(0x89, 0x81, 0, 0, 0, 0, 0x61)], ["a"]));
  });

  describe("5.2, base framing", () => {
    for (const rsv of [1, 2, 3, 4, 5, 6, 7]) {
      eachFails(1002, [
        [`reserved bits ${rsv} on text`, [text("hello", { rsv })]],
        [`reserved bits ${rsv} on a fragment`, [text("a", { fin: false }), next("b", { rsv })]],
        [`reserved bits ${rsv} on a ping`, [{ ...ping("x"), rsv }]],
        [`reserved bits ${rsv} on a close`, [{ ...close(1000), rsv }]],
      ]);
    }

    eachFails(
      1002,
      [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [
        `opcode ${opcode}`,
        [{ opcode, payload: "x" }],
      ]),
    );

    eachFails(1009, [
      [`${MAX_FRAME_BYTES + 1} bytes of text`, [text("x".repeat(MAX_FRAME_BYTES + 1))]],
      [
        `${MAX_FRAME_BYTES + 1} bytes of binary`,
        [{ opcode: OPCODE.binary, payload: "x".repeat(MAX_FRAME_BYTES + 1) }],
      ],
      [`${MAX_FRAME_BYTES + 1} bytes announced`, [raw(0x81, 0xfe, 0x10, 0x01, 1, 2, 3, 4)]],
      ["1 MiB", [text("x".repeat(MIB))]],
      ["1 GiB announced", [announced(OPCODE.text, 0, 0, 0, 0, 0x40, 0, 0, 0)]],
      // The RFC forbids the top bit as such; too long it is as well.
      ["2^63 bytes announced", [announced(OPCODE.text, 0x80, 0, 0, 0, 0, 0, 0, 0)]],
      ["2^63 and 5 bytes announced", [announced(OPCODE.binary, 0x80, 0, 0, 0, 0, 0, 0, 5)]],
      ["2^64-1 bytes announced", [announced(OPCODE.text, ...Array<number>(8).fill(255))]],
    ]);

    test("lenient: a length in more bytes than it needs", () =>
      expectNoFault(
        [
          lengthy(OPCODE.text, 2, "hello"),
          lengthy(OPCODE.text, 2, ""),
          lengthy(OPCODE.text, 8, "hello"),
          lengthy(OPCODE.binary, 8, "x".repeat(200)),
        ],
        [],
      ));
  });

  describe("5.4, fragmentation", () => {
    eachFails(1002, [
      ["a continuation of nothing", [next("x")]],
      ["a continuation of nothing that goes on", [next("x", { fin: false })]],
      ["text within fragments", [text("x", { fin: false }), text("y")]],
      ["empty text within fragments", [text("", { fin: false }), text("")]],
      ["a first fragment within fragments", [text("x", { fin: false }), text("y", { fin: false })]],
      [
        "binary within fragments",
        [text("x", { fin: false }), { opcode: OPCODE.binary, payload: "y" }],
      ],
    ]);

    const half = "x".repeat(MAX_FRAME_BYTES / 2);
    eachFails(1009, [
      [
        `fragments of ${MAX_FRAME_BYTES + 1} bytes in all, the last not even come`,
        [text(half, { fin: false }), next(half, { fin: false }), next("x", { fin: false })],
      ],
      [
        "fragments without end",
        [
          text("x", { fin: false }),
          ...Array.from({ length: 5000 }, () => next("x", { fin: false })),
        ],
      ],
    ]);

    test("a continuation of a message that is whole: 1002", async () => {
      using socket = await worker().subscribe(await registered(false));
      socket.tcp.write(bytesOf([...split(raw(0x61), raw(0x62)), next("c")]));
      expect((await socket.closed()).code).toBe(1002);
    });

    test("empty fragments are fragments", () =>
      expectNoFault(
        [text("", { fin: false }), next("", { fin: false }), ping("a"), next(""), ping("b")],
        ["a", "b"],
      ));

    test("an auth frame, a byte in each fragment and control frames in between", async () => {
      const topic = await registered(true);
      const token = makeToken(worker().secret, topic);
      const auth = JSON.stringify({ type: "auth", token });
      using socket = await worker().open(topic);
      for (const [index, part] of [...auth].entries()) {
        socket.send({
          opcode: index === 0 ? OPCODE.text : OPCODE.continuation,
          payload: part,
          fin: index === auth.length - 1,
        });
        socket.send({ opcode: index % 2 === 0 ? OPCODE.ping : OPCODE.pong, payload: `${index}` });
      }
      expect(await socket.nextFrame()).toBe(AUTH_OK);
    });
  });

  describe("5.5, control frames", () => {
    const controls = [OPCODE.close, OPCODE.ping, OPCODE.pong];
    for (const opcode of controls) {
      const { payload = "" } = close(1000, "x".repeat(MAX_CONTROL_BYTES - 1));
      eachFails(1002, [
        [`opcode ${opcode} with 126 bytes`, [{ opcode, payload }]],
        [`opcode ${opcode} with a length in two bytes`, [lengthy(opcode, 2, "hello")]],
        [`opcode ${opcode} with a length in eight bytes`, [lengthy(opcode, 8, "hello")]],
        [`opcode ${opcode} with a length of 2^63`, [announced(opcode, 0x80, 0, 0, 0, 0, 0, 0, 0)]],
        [`opcode ${opcode} in fragments`, [{ opcode, fin: false }]],
      ]);
    }

    test("a ping is answered with its own payload, up to 125 bytes, before auth too", async () => {
      const payloads = ["", "a", "\0", "\u00fc\u{1f4e1}", "x".repeat(MAX_CONTROL_BYTES)];
      await expectNoFault(payloads.map(ping), payloads);
      using socket = await worker().open(await registered(true));
      socket.tcp.write(bytesOf(payloads.map(ping)));
      await socket.until(() => socket.pongs[payloads.length - 1], "pongs");
      expect(socket.pongs).toEqual(payloads);
    });

    test("a pong nobody asked for is no fault and has no answer", () =>
      expectNoFault(
        [{ opcode: OPCODE.pong }, { opcode: OPCODE.pong, payload: "x".repeat(MAX_CONTROL_BYTES) }],
        [],
      ));
  });

  describe("5.5.1 and 7, closing", () => {
    /** Sends a close frame and waits for all there is to hear; it is the worker that ends. */
    const answerTo = async (frame: OutFrame, behind: readonly Sent[] = []) => {
      const topic = await registered(false);
      using socket = await worker().subscribe(topic, undefined, { answersClose: false });
      socket.tcp.write(bytesOf([frame, ...behind]));
      await socket.tcp.ended();
      expect(socket.pongs).toEqual([]);
      expect(socket.frames).toEqual([AUTH_OK]);
      return socket.close;
    };

    const VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    for (const code of [...VALID, 3000, 3999, 4000, 4999]) {
      test(`${code} is answered with ${code}, and the worker ends the connection`, async () => {
        expect((await answerTo(close(code, "bye")))?.code).toBe(code);
      });
    }

    test("a reason may have 123 bytes of UTF-8", async () => {
      expect((await answerTo(close(1000, `${"\u00fc".repeat(61)}x`)))?.code).toBe(1000);
    });

    test("a close without a code is answered without one", async () => {
      expect((await answerTo({ opcode: OPCODE.close }))?.code).toBe(1005);
    });

    test("what comes behind a close is not read", async () => {
      const behind = [ping("too late"), text("x"), { opcode: 3 }, close(1001)];
      expect((await answerTo(close(1000), behind))?.code).toBe(1000);
    });

    test("a close in the middle of a fragmented message is answered", async () => {
      using socket = await worker().open(await registered(true), { answersClose: false });
      socket.tcp.write(bytesOf([text("x", { fin: false }), close(1001)]));
      expect((await socket.closed()).code).toBe(1001);
      await socket.tcp.ended();
    });

    test("a client that does not answer the worker's close is left", async () => {
      using socket = await worker().open(await registered(true), { answersClose: false });
      socket.sendText("no auth");
      expect((await socket.closed()).code).toBe(1008);
      await socket.tcp.ended();
    });

    eachFails(1002, [
      ["a close of one byte", [{ opcode: OPCODE.close, payload: "x" }]],
      ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_535].map(
        (code): [string, Sent[]] => [`close code ${code}`, [close(code, "bye")]],
      ),
    ]);

    eachFails(
      1007,
      NO_UTF8.map(([what, bytes]) => [`a reason with ${what}`, [close(1000, bytes)]]),
    );
  });

  describe("8.1, text is UTF-8", () => {
    for (const [what, bytes] of NO_UTF8) {
      const cuts = Array.from({ length: bytes.length - 1 }, (_, index) => index + 1);
      eachFails(1007, [
        [what, [text(bytes)]],
        ...cuts.map((cut): [string, Sent[]] => [
          `${what}, in fragments cut at ${cut}`,
          split(bytes.subarray(0, cut), bytes.subarray(cut)),
        ]),
      ]);
    }

    test("a character may be cut by fragments, with control frames in the cut", () =>
      expectNoFault(
        [
          text(raw(0xf0), { fin: false }),
          ping("a"),
          next(raw(0x9f, 0x93), { fin: false }),
          ping("b"),
          next(raw(0xa1)),
        ],
        ["a", "b"],
      ));

    test("NUL, noncharacters and U+10FFFF are characters", () =>
      expectNoFault([text("\0\uffff\ufffe\ufeff\u{10ffff}")], []));

    test("binary may be anything", () =>
      expectNoFault(
        NO_UTF8.map(([, payload]) => ({ opcode: OPCODE.binary, payload })),
        [],
      ));

    test("lenient: a fragmented text is judged when it is whole", async () => {
      const topic = await registered(false);
      using socket = await worker().subscribe(topic);
      socket.tcp.write(bytesOf([text(raw(0xff), { fin: false }), ping("still here")]));
      await socket.until(() => socket.pongs[0], "a pong");
      socket.send(next(""));
      expect((await socket.closed()).code).toBe(1007);
    });
  });
});
