import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Invocation, readArguments } from "./arguments.ts";
import { COMMAND_NAMES } from "./commands.ts";
import { helpText } from "./help.ts";

describe("arguments that make sense", () => {
  test.each<[string[], Invocation]>([
    [[], { kind: "command", command: "serve", options: {} }],
    [["serve"], { kind: "command", command: "serve", options: {} }],
    [["--config", "a"], { kind: "command", command: "serve", options: { config: "a" } }],
    [["-config", "a"], { kind: "command", command: "serve", options: { config: "a" } }],
    [["-config=a"], { kind: "command", command: "serve", options: { config: "a" } }],
    [["--config=a", "check"], { kind: "command", command: "check", options: { config: "a" } }],
    [["secret"], { kind: "command", command: "secret", options: {} }],
    [
      ["token", "--topic", "t", "--user=7", "--ttl", "1h"],
      { kind: "command", command: "token", options: { topic: "t", user: "7", ttl: "1h" } },
    ],
    [
      ["publish", "--topic", "t", "--payload", "-"],
      { kind: "command", command: "publish", options: { topic: "t", payload: "-" } },
    ],
    [["--help"], { kind: "help", about: undefined }],
    [["-h"], { kind: "help", about: undefined }],
    [["help"], { kind: "help", about: undefined }],
    [["help", "token"], { kind: "help", about: "token" }],
    [["token", "-h"], { kind: "help", about: "token" }],
    [["--version"], { kind: "version" }],
    [["-v"], { kind: "version" }],
  ])("%j", (argv, invocation) => {
    expect(readArguments(argv)).toEqual(invocation);
  });
});

describe("arguments that make none", () => {
  test.each([
    [["frob"], 'unknown command "frob"'],
    [["chekc"], 'unknown command "chekc"; did you mean "check"?'],
    [["version"], 'unknown command "version"; did you mean "--version"?'],
    [["constructor"], 'unknown command "constructor"'],
    [["help", "frob"], 'unknown command "frob"'],
    [["help", "token", "x"], '"x" is one word too many'],
    [["check", "x"], '"x" is one word too many'],
    [["--frob"], 'unknown option "--frob"'],
    [["-x"], 'unknown option "-x"'],
    [["--a\n\u001b[1mb"], 'unknown option "--a??[1mb"'],
    [["--config"], '--config needs a value; write --config=VALUE when it begins with "-"'],
    [["--config", "-x"], '--config needs a value; write --config=VALUE when it begins with "-"'],
    [["--config="], "--config is empty; give it a value"],
    [["--help=x"], "--help takes no value"],
    [["check", "--topic", "t"], '"check" takes no option --topic'],
    [["secret", "--config", "t"], '"secret" takes no option --config'],
    [["token"], '"token" needs --topic'],
    [["publish", "--topic", "t"], '"publish" needs --payload'],
  ])("%j: %s", (argv, message) => {
    expect(readArguments(argv)).toMatchObject({ kind: "fault", message });
  });

  test("never throw, and give one printable line", () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom(
        ...COMMAND_NAMES,
        "help",
        "--config",
        "-config",
        "--topic=",
        "-hv",
        "--",
        "-",
      ),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (argv) => {
        const invocation = readArguments(argv);
        if (invocation.kind === "fault") {
          expect(invocation.message).toMatch(/^\P{Cc}{1,150}$/u);
        }
      }),
    );
  });
});

describe("the help", () => {
  test("names every command", () => {
    for (const name of COMMAND_NAMES) {
      expect(helpText()).toContain(`\n  ${name} `);
      expect(helpText(name)).toStartWith(`wavelog_worker ${name}: `);
    }
  });

  test.each([undefined, ...COMMAND_NAMES])("fits a terminal (%s)", (name) => {
    for (const line of helpText(name).split("\n")) {
      expect(line.length).toBeLessThanOrEqual(88);
      expect(line).toBe(line.trimEnd());
    }
  });

  test.each(COMMAND_NAMES)("has examples of %s that work", (name) => {
    const [, examples = ""] = helpText(name).split("Examples:\n");
    const [line = ""] = examples.split("\n");
    const words = line.trim().split(" ").slice(1);
    expect(readArguments(words)).toMatchObject({ kind: "command", command: name });
  });
});
