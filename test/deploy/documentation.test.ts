import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deployFile, ROOT } from "../../tools/cluster/places.ts";

const GUIDE = readFileSync(join(ROOT, "docs/clustering.md"), "utf8");
const METRICS = readFileSync(join(ROOT, "docs/metrics.md"), "utf8");
const RESTARTS = readFileSync(join(ROOT, "docs/restarts.md"), "utf8");

/** A block, and the file that the line before it links to. */
const BLOCKS = [...GUIDE.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
  language: match[1] ?? "",
  text: match[2] ?? "",
  file: /\(\.\.\/deploy\/([\w.-]+)\):\n\n$/.exec(GUIDE.slice(0, match.index))?.[1],
}));

/** Languages of blocks that are no configuration: commands, answers, drawings. */
const OTHERS = ["sh", "json", "text", "yaml"];

test("a configuration in docs/clustering.md is the file that the tests run", () => {
  const shown = BLOCKS.filter(({ language }) => !OTHERS.includes(language));
  expect(shown.map(({ file }) => file)).toEqual(["redis.conf", "nginx.conf"]);
  for (const { file = "", text } of shown) {
    expect(text).toBe(readFileSync(deployFile(file), "utf8"));
  }
});

test("the guides name every file of deploy/", () => {
  const files = readdirSync(dirname(deployFile("nginx.conf")));
  const guides = GUIDE + RESTARTS + METRICS;
  expect(files.filter((file) => !guides.includes(`(../deploy/${file})`))).toEqual([]);
});
