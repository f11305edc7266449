import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { LightSocket } from "./support/light-socket.ts";
import { TARGETS } from "./support/targets.ts";
import { makeToken } from "./support/token.ts";
import { Witness } from "./support/witness.ts";
import { startWorker } from "./support/worker.ts";

setDefaultTimeout(60_000);

/** All browsers of another node that has died; fewer than the kernel's usual accept queue holds. */
const BROWSERS = 3000;
const TOPICS = 20;
const WITNESSES = 50;

const topicName = (index: number): string => `contest_session.${index % TOPICS}`;

for (const [index, target] of TARGETS.entries()) {
  describe(`${BROWSERS} browsers come in the same instant (${target.name})`, () => {
    test("all get in at the first attempt, and those who were there miss nothing", async () => {
      await using worker = await startWorker({ target, config: { gateway_threads: index + 1 } });
      for (let topic = 0; topic < TOPICS; topic += 1) {
        await worker.api.register(topicName(topic), true);
      }
      const witness = await Witness.start(worker, WITNESSES);
      const before = witness.published;
      const sockets = await Promise.allSettled(
        Array.from({ length: BROWSERS }, (_, browser) => {
          const topic = topicName(browser);
          const token = makeToken(worker.secret, topic);
          return LightSocket.subscribe({ port: worker.ports.ws, topic, token });
        }),
      );
      const during = witness.published - before;
      const failed = sockets.filter(({ status }) => status === "rejected");
      expect(failed).toEqual([]);
      await worker.socketsReach(BROWSERS + WITNESSES);
      expect(during).toBeGreaterThan(0);
      await witness.stop();
      for (const socket of sockets) {
        if (socket.status === "fulfilled") {
          socket.value[Symbol.dispose]();
        }
      }
    });
  });
}
