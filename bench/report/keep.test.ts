import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepResult, newestKept, readResult, toJson } from "./keep.ts";
import { MADE_UP_RESULT } from "./made-up-result.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "wavelog-worker-test-"));
});
afterAll(() => rm(directory, { recursive: true }));

test("JSON has every sample, and a line per cell", () => {
  const text = toJson(MADE_UP_RESULT);
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(MADE_UP_RESULT)));
  expect(text).toContain(
    '\n            "nchan": { "kind": "measured", "samples": [90000, 80000, 100000] },\n',
  );
});

test("a kept result is read again, and the newest that is wanted is found", async () => {
  const older = { ...MADE_UP_RESULT, at: "2001-02-02T04:05:06.000Z", commit: "abcdef0" };
  const quick = { ...MADE_UP_RESULT, at: "2001-02-04T04:05:06.000Z", quick: true };
  const path = await keepResult(MADE_UP_RESULT, directory);
  await keepResult(older, directory);
  expect(await keepResult(quick, directory)).toEndWith("/2001-02-04-0123456-quick.json");
  expect(await readResult(path)).toEqual(MADE_UP_RESULT);
  expect((await newestKept((result) => !result.quick, directory))?.path).toBe(path);
  const other = await newestKept(({ commit }) => commit !== "0123456", directory);
  expect(other?.result).toEqual(older);
});

test("nothing kept is nothing, and what is not committed is not kept", async () => {
  expect(await newestKept(() => true, join(directory, "none"))).toBeUndefined();
  await expect(keepResult({ ...MADE_UP_RESULT, dirty: true }, directory)).rejects.toThrow("commit");
  await expect(readResult(join(directory, "none.json"))).rejects.toThrow("there is no");
});
