import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { API_ERRORS, UPGRADE_ERRORS } from "../src/protocol/api-errors.ts";
import { CLOSE } from "../src/protocol/close-codes.ts";
import { SOCKET_ERRORS } from "../src/protocol/frames.ts";

const ROOT = join(import.meta.dir, "..");
const protocol = await Bun.file(join(ROOT, "docs/protocol.md")).text();

describe("docs/protocol.md", () => {
  for (const { status, text } of [...Object.values(API_ERRORS), ...Object.values(UPGRADE_ERRORS)]) {
    test(`lists ${status} ${text}`, () => {
      expect(protocol).toContain(`| ${status} | \`${text}\` |`);
    });
  }

  for (const { code, reason } of Object.values(CLOSE)) {
    test(`lists close code ${code} ${reason}`, () => {
      expect(protocol).toContain(`| ${code} | \`${reason}\` |`);
    });
  }

  for (const code of Object.keys(SOCKET_ERRORS)) {
    test(`lists the error ${code}`, () => {
      expect(protocol).toContain(`| \`${code}\` |`);
    });
  }
});

describe("every Markdown file", () => {
  const files = [...new Glob("**/*.md").scanSync(ROOT)].filter(
    (file) => !file.includes("node_modules"),
  );
  for (const file of files) {
    test(`${file} links to files that exist`, async () => {
      const text = await Bun.file(join(ROOT, file)).text();
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(
        ([, to = ""]) => to,
      );
      const broken = links.filter((to) => !existsSync(join(ROOT, dirname(file), to)));
      expect(broken).toEqual([]);
    });
  }

  test("is found by this test at all", () => {
    expect(files).toContain("README.md");
    expect(files).toContain("docs/protocol.md");
  });
});
