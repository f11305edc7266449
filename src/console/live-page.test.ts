import { expect, test } from "bun:test";
import { LivePage } from "./live-page.ts";

/** A socket that keeps what it is given, and as much waiting as a test says. */
function scene() {
  const socket = {
    bufferedAmount: 0,
    sent: [] as string[],
    pings: 0,
    isGone: false,
    send: (text: string) => socket.sent.push(text),
    ping: () => {
      socket.pings += 1;
    },
    close: (code: number, reason: string) => socket.sent.push(`${code} ${reason}`),
    terminate: () => {
      socket.isGone = true;
    },
  };
  const page = new LivePage(socket);
  const pass = (seconds: number): void => {
    for (let second = 0; second < seconds; second += 1) {
      page.tick();
    }
  };
  return { socket, page, pass };
}

test("a page gets everything as long as it reads, and topics when they have changed", () => {
  const { socket, page } = scene();
  expect(page.send("1")).toBe(true);
  page.tellTopics("a");
  page.tellTopics("a");
  page.tellTopics("b");
  page.close(1012, "restart");
  expect(socket.sent).toEqual(["1", "a", "b", "1012 restart"]);
});

test("one that does not read gets no more than 1 MiB ahead, and the topics when it reads again", () => {
  const { socket, page } = scene();
  socket.bufferedAmount = 1024 * 1024 + 1;
  expect(page.send("1")).toBe(false);
  page.tellTopics("a");
  expect(socket.sent).toEqual([]);
  socket.bufferedAmount = 1024 * 1024;
  page.tellTopics("a");
  expect(socket.sent).toEqual(["a"]);
});

test("one that does not read for a minute is given up, though it answers pings", () => {
  const { socket, page, pass } = scene();
  socket.bufferedAmount = 2 * 1024 * 1024;
  for (let round = 0; round < 6; round += 1) {
    pass(10);
    page.heard();
  }
  expect(socket.isGone).toBe(false);
  pass(1);
  expect(socket.isGone).toBe(true);
});

test("one that gives no sign of life is asked for it, and given up after a minute", () => {
  const { socket, page, pass } = scene();
  pass(19);
  expect(socket.pings).toBe(0);
  pass(1);
  expect(socket.pings).toBe(1);
  page.heard();
  pass(60);
  expect([socket.pings, socket.isGone]).toEqual([4, false]);
  pass(1);
  expect(socket.isGone).toBe(true);
});
