import { afterAll, beforeAll, expect, test } from "bun:test";
import { judgeExposure, ownAddresses } from "./exposure.ts";

const patience = { deadlineMs: 1_000, signal: new AbortController().signal };

/** All of 127.0.0.0/8 is this machine: it stands for addresses of others. */
let server: ReturnType<typeof Bun.serve> | undefined;
beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.2",
    port: 0,
    fetch: () => new Response("no", { status: 404 }),
  });
});
afterAll(() => server?.stop(true));

const judged = (addresses: readonly string[]) =>
  judgeExposure({ port: server?.port ?? 0, rightHost: "127.0.0.1", addresses }, patience);

test("an API that answers elsewhere is a warning, whatever it answers", async () => {
  const finding = await judged(["127.0.0.3", "127.0.0.2", "127.0.0.2"]);
  expect(finding.verdict).toBe("warning");
  expect(finding.text).toContain("answers at 127.0.0.2 too");
  expect(finding.fix.at(-1)).toBe(
    `Try it from elsewhere: curl http://127.0.0.2:${server?.port}/healthz`,
  );
});

test("one that does not is in order", async () => {
  const finding = await judged(["127.0.0.3", "127.0.0.4"]);
  expect(finding.verdict).toBe("ok");
  expect(finding.text).toEndWith("does not answer at 127.0.0.3, 127.0.0.4");
});

test("where PHP reaches it is not elsewhere", async () => {
  expect((await judged(["127.0.0.1"])).verdict).toBe("skipped");
  expect((await judged([])).verdict).toBe("skipped");
});

test("this machine's addresses are those by which others reach it", () => {
  for (const address of ownAddresses()) {
    expect(address).not.toMatch(/^(?:127\.|::1$|fe80:)/);
  }
});
