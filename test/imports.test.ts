import { expect, test } from "bun:test";
import { dirname, join, relative } from "node:path";
import { Glob } from "bun";

const SOURCE = join(import.meta.dir, "../src");

/** Which rooms a room may import (docs/architecture.md). `types` stands for `import type` alone. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  config: [],
  redis: [],
  topics: ["protocol", "redis"],
  bus: ["protocol", "redis"],
  gateway: ["protocol"],
  api: ["protocol"],
  observability: ["protocol"],
  console: ["protocol", "observability"],
  client: ["protocol"],
  cli: ["config", "protocol", "client"],
};

/** Rooms of which a room may import types: the ports it is given. */
const MAY_IMPORT_TYPES: Readonly<Record<string, readonly string[]>> = {
  gateway: ["topics", "bus"],
  api: ["topics", "bus"],
};

/** Files that stand above the rooms and may import any: entry point, process, composition root. */
const ABOVE = ["main.ts", "serve.ts", "worker.ts", "backbone.ts"];

/** The package's own description, which says the version; no room, and free to all. */
const MANIFEST = "../package.json";

/** Packages that only one room may know, so that they can be replaced there. */
const PACKAGE_ROOMS: Readonly<Record<string, string>> = {
  redis: "redis",
  zod: "config",
  "bun:sqlite": "topics",
  "pino-pretty": "observability",
  uplot: "console",
  ws: "console",
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

async function importsOf(file: string): Promise<Import[]> {
  const text = await Bun.file(join(SOURCE, file)).text();
  const found = text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^"';]*?from\s+)?"([^"]+)"/gm);
  return [...found].map(([, type, to = ""]) => ({ from: file, to, isType: type !== undefined }));
}

const files = [...new Glob("**/*.ts").scanSync(SOURCE)].sort();
const imports = (await Promise.all(files.map(importsOf))).flat();
const roomOf = (file: string): string => file.split("/")[0] ?? "";

test("every room imports only what the table of the design lets it", () => {
  const wrong = imports
    .filter(({ from, to }) => to.startsWith(".") && !ABOVE.includes(from))
    .filter(({ from, to, isType }) => {
      const file = relative(SOURCE, join(SOURCE, dirname(from), to));
      const target = roomOf(file);
      const room = roomOf(from);
      return (
        file !== MANIFEST &&
        target !== room &&
        !MAY_IMPORT[room]?.includes(target) &&
        !(isType && MAY_IMPORT_TYPES[room]?.includes(target))
      );
    });
  expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
});

test("a package is known to the room that it belongs to alone", () => {
  const wrong = imports.filter(({ from, to }) => {
    const room = PACKAGE_ROOMS[to];
    return room !== undefined && room !== roomOf(from);
  });
  expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
});

test("the program for browsers knows what runs in a browser alone", () => {
  const known = /^(?:\.\/|\.\.\/messages\.ts$|\.\.\/\.\.\/(?:protocol|observability)\/|uplot$)/;
  const wrong = imports
    .filter(({ from }) => from.startsWith("console/page/"))
    .filter(({ to }) => !known.test(to));
  expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
});

test("the table knows every room, and the imports were really read", () => {
  const rooms = new Set(files.filter((file) => file.includes("/")).map(roomOf));
  expect([...rooms].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  expect(imports.length).toBeGreaterThan(files.length);
});
