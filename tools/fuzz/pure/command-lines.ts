import fc from "fast-check";
import { readArguments } from "../../../src/cli/arguments.ts";
import { COMMAND_NAMES, isCommandName } from "../../../src/cli/commands.ts";
import { readTokenRequest } from "../../../src/cli/token.ts";
import { must, mustBeOneLine } from "../check.ts";
import { mutated } from "../generate/mutation.ts";
import { repeatedText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

const word = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<string>(...COMMAND_NAMES, "help", "version") },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom("-", "--", "---", ""),
        fc.constantFrom("config", "topic", "user", "ttl", "url", "payload", "help", "version", "h"),
        fc.constantFrom("", "", "=", "=a", "=-1", "=24h"),
      )
      .map((parts) => parts.join("")),
  },
  { weight: 2, arbitrary: mutated(fc.constantFrom("--config", "--topic=a", "serve", "publish")) },
  { weight: 3, arbitrary: wildText(12) },
  { weight: 1, arbitrary: fc.constantFrom("--", "-", "", "1h", "7", "--no-help", "-hv", "-h=1") },
);

const cases = seldom(
  fc.array(word, { maxLength: 6 }),
  300,
  fc.array(repeatedText(fc.constantFrom("-", "--a", "a", "="), 0x1_0000), { maxLength: 3 }),
);

function check(argv: readonly string[]): void {
  const result = readArguments(argv);
  switch (result.kind) {
    case "fault":
      mustBeOneLine(result.message, 300, "a message");
      return;
    case "command": {
      must(isCommandName(result.command), "a command that is none");
      const values = Object.values(result.options);
      must(
        values.every((value) => typeof value === "string" && value !== ""),
        "an option without a value",
      );
      const request = readTokenRequest(result.options);
      if (!request.ok) {
        mustBeOneLine(request.problem, 200, "a problem");
      }
      return;
    }
    case "help":
    case "version":
      return;
  }
}

/** `readArguments`: any words are a command, or one line that says what is wrong with them. */
export const commandLines = pureTarget<readonly string[]>({
  name: "command-lines",
  weight: 2,
  cases,
  check,
  size: (argv) => argv.join(" ").length,
});
