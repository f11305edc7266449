import { describe, expect, test } from "bun:test";
import { run } from "../run.ts";
import { configFor, fakeDeps } from "../testing.ts";
import { CHECK_IDS, type CheckId } from "./checks.ts";
import { doctor } from "./doctor.ts";

describe("options that make no sense", () => {
  test.each([
    [["--url", "https://log.example.org"], "--url is no WebSocket address"],
    [["--internal", "https://worker:9001"], "--internal is no address of an internal API"],
    [["--internal", "http://worker:9001/internal"], "--internal is no address"],
    [["--origin", "log.example.org"], "--origin is no origin"],
    [["--origin", "https://log.example.org/"], "--origin is no origin"],
    [["--idle", "0"], "--idle is no time; give whole seconds from 1 to 3600"],
    [["--idle", "1.5"], "--idle is no time"],
    [["--idle", "x"], "--idle is no time"],
  ])("%j end with status 2: %s", async (words, message) => {
    const { deps, written } = fakeDeps();
    expect(await run(["doctor", ...words], deps)).toBe(2);
    expect(written.out).toEqual([]);
    expect(written.err).toEqual([expect.stringContaining(message)]);
  });
});

/** Nobody listens on port 1. */
const NOBODY = configFor(1);

test("with nobody there, everything is told in one go", async () => {
  const { deps, written } = fakeDeps();
  const status = await doctor({ url: "ws://127.0.0.1:1" }, NOBODY, deps);
  expect(status).toBe(1);
  expect(written.err).toEqual([]);
  const text = written.out.join("\n");
  const ids = [...text.matchAll(/^(?:ok|warning|PROBLEM|-) +(\w+)/gm)].map(
    ([, id]) => id as CheckId,
  );
  expect(ids).toEqual([...CHECK_IDS]);
  expect(written.out[0]).toBe("browsers: ws://127.0.0.1:1/ws   PHP: http://127.0.0.1:1");
  expect(written.out.at(-1)).toStartWith("\n2 problems, ");
});

test("JSON is one line, and nothing else is printed", async () => {
  const { deps, written } = fakeDeps();
  await doctor({ url: "ws://127.0.0.1:1", json: true }, NOBODY, deps);
  expect(written.err).toEqual([]);
  const [line = "", ...more] = written.out;
  expect(more).toEqual([]);
  const told = JSON.parse(line) as { checks: { id: string }[]; problems: number };
  expect(told.checks.map(({ id }) => id)).toEqual([...CHECK_IDS]);
  expect(told.problems).toBe(2);
});

test("an interrupted one says so, and judges nothing more", async () => {
  const controller = new AbortController();
  controller.abort();
  const { deps, written } = fakeDeps({ interrupted: () => controller.signal });
  expect(await doctor({ json: true }, NOBODY, deps)).toBe(1);
  expect(written).toEqual({ out: [], err: ["interrupted"] });
});
