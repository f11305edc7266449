import { expect, setDefaultTimeout, test } from "bun:test";
import { newTopic, onEachTarget } from "./support/each-target.ts";
import { makeToken, unixNow } from "./support/token.ts";

setDefaultTimeout(30_000);

const UNAUTHORIZED =
  '{"type":"error","code":"unauthorized","message":"the token is not valid for this topic"}';
const EXPIRED = [
  '{"type":"error","code":"auth_expired","message":"the token has expired"}',
  { code: 4401, reason: "token expired" },
];

/** Soon, and not so soon that a busy machine needs longer for a handshake and a refresh. */
const SOON_SECONDS = 3;

const refresh = (token?: string): string => JSON.stringify({ type: "refresh", token });

onEachTarget("a token's refresh", (worker) => {
  test.concurrent("a socket lives on with the new token, and others with the old one end", async () => {
    const { api, secret } = worker();
    const topic = newTopic();
    await api.register(topic, true);
    const expires = unixNow() + SOON_SECONDS;
    const old = makeToken(secret, topic, { expires });
    using refreshed = await worker().subscribe(topic, old);
    using left = await worker().subscribe(topic, old);
    const later = expires + 3600;
    refreshed.sendText(refresh(makeToken(secret, topic, { expires: later })));
    expect(await refreshed.nextFrame()).toBe(`{"type":"refreshed","expires":${later}}`);
    expect(await left.restAndClose()).toEqual(EXPIRED);
    await api.publish(topic, "1");
    expect(await refreshed.nextFrame()).toBe('{"type":"push","payload":1}');
    expect(refreshed.close).toBeUndefined();
  });

  test.concurrent("a token that ends earlier ends the socket earlier, in the second after the one it names", async () => {
    const { api, secret } = worker();
    const topic = newTopic();
    await api.register(topic, true);
    using socket = await worker().subscribe(topic, makeToken(secret, topic));
    const expires = unixNow() + SOON_SECONDS;
    socket.sendText(refresh(makeToken(secret, topic, { expires })));
    expect(await socket.nextFrame()).toBe(`{"type":"refreshed","expires":${expires}}`);
    expect(await socket.restAndClose()).toEqual(EXPIRED);
    const late = Date.now() - (expires + 1) * 1000;
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(3000);
  });

  test.concurrent("a bad one is unauthorized, closes nothing, and the old one ends when it said", async () => {
    const { api, secret, stdout } = worker();
    const topic = newTopic();
    await api.register(topic, true);
    const expires = unixNow() + SOON_SECONDS;
    using socket = await worker().subscribe(topic, makeToken(secret, topic, { expires }));
    // Another user's: rightly signed, and for this topic.
    const theirs = makeToken(secret, topic, { user_id: 8, expires: expires + 3600 });
    socket.sendText(refresh(theirs));
    expect(await socket.nextFrame()).toBe(UNAUTHORIZED);
    await api.publish(topic, "1");
    expect(await socket.nextFrame()).toBe('{"type":"push","payload":1}');
    const line = await stdout.until(
      (lines) =>
        lines.find((text) => text.includes("token refresh refused") && text.includes(topic)),
      "the refusal in the log",
    );
    expect(JSON.parse(line)).toMatchObject({
      level: "warn",
      topic,
      user: 7,
      reason: "token is for another user",
    });
    expect(stdout.text).not.toContain(theirs.slice(-64));
    expect(await socket.restAndClose()).toEqual(EXPIRED);
  });

  test.concurrent("guesses are answered once a second, and hold nobody up", async () => {
    const { api } = worker();
    const topic = newTopic();
    await api.register(topic, false);
    using socket = await worker().subscribe(topic);
    for (let guess = 0; guess < 2000; guess += 1) {
      socket.sendText(refresh(`${guess}`));
    }
    await api.publish(topic, "1");
    const frames = await socket.until(
      () => (socket.frames.at(-1)?.includes("push") ? socket.frames : undefined),
      "the event",
    );
    const answers = frames.filter((frame) => frame === UNAUTHORIZED);
    expect(answers.length).toBeGreaterThanOrEqual(1);
    expect(answers.length).toBeLessThan(10);
  });

  test.concurrent("on a topic that requires none it is checked, and changes nothing", async () => {
    const { api, secret } = worker();
    const topic = newTopic();
    await api.register(topic, false);
    using socket = await worker().subscribe(topic);
    const expires = unixNow() + 1;
    socket.sendText(refresh(makeToken(secret, topic, { expires })));
    expect(await socket.nextFrame()).toBe(`{"type":"refreshed","expires":${expires}}`);
    // A witness with such a token is closed by its end; this one is not.
    const other = newTopic();
    await api.register(other, true);
    using witness = await worker().subscribe(other, makeToken(secret, other, { expires }));
    await witness.closed();
    await api.publish(topic, "1");
    expect(await socket.nextFrame()).toBe('{"type":"push","payload":1}');
  });
});
