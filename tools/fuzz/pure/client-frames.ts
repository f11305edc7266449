import fc from "fast-check";
import { type ClientFrame, readClientFrame } from "../../../src/protocol/frames.ts";
import { mustEqual, parsed } from "../check.ts";
import {
  deepText,
  largeText,
  members,
  object,
  spelled,
  stringText,
  tokenSoup,
  valueText,
} from "../generate/json.ts";
import { mutated, spliced } from "../generate/mutation.ts";
import { seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

const frame = fc
  .array(
    members(
      fc.oneof(
        spelled(fc.constantFrom("type", "token")),
        fc.constantFrom('"type"', '"token"', '"__proto__"'),
        stringText,
      ),
      fc.oneof(spelled(fc.constantFrom("auth", "status", "push", "")), valueText),
    ),
    { maxLength: 4 },
  )
  .map((all) => object(all));

const cases = seldom(
  fc.oneof(
    { weight: 5, arbitrary: frame },
    { weight: 2, arbitrary: mutated(frame) },
    { weight: 1, arbitrary: spliced(frame) },
    { weight: 1, arbitrary: valueText },
    { weight: 1, arbitrary: tokenSoup },
    { weight: 1, arbitrary: wildText() },
  ),
  300,
  fc.oneof(deepText, largeText),
);

/** What a frame means, after the contract. */
function meaning(text: string): ClientFrame {
  const value = parsed(text)?.value;
  // A list has no `type` of its own, and neither has text.
  const said = typeof value === "object" ? (value as Record<string, unknown> | null) : null;
  if (said === null || !Object.hasOwn(said, "type")) {
    return { type: "other" };
  }
  if (said["type"] === "status") {
    return { type: "status" };
  }
  if (said["type"] !== "auth") {
    return { type: "other" };
  }
  const token = said["token"];
  if (!Object.hasOwn(said, "token") || token === null || token === "") {
    return { type: "auth", token: undefined };
  }
  return { type: "auth", token: typeof token === "string" ? token : null };
}

/** `readClientFrame`: any text has one meaning, and no text makes it throw. */
export const clientFrames = pureTarget<string>({
  name: "client-frames",
  weight: 4,
  cases,
  check: (text) => mustEqual(readClientFrame(text), meaning(text), "a frame's meaning"),
  size: (text) => text.length,
});
