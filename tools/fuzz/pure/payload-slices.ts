import fc from "fast-check";
import { sliceMember } from "../../../src/protocol/payload-slice.ts";
import { must, mustEqual } from "../check.ts";
import {
  deepText,
  largeText,
  type Member,
  members,
  object,
  spelled,
  stringText,
  tokenSoup,
  valueText,
} from "../generate/json.ts";
import { mutated } from "../generate/mutation.ts";
import { nastyPiece, seldom } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

type Case =
  | { readonly kind: "right"; readonly wanted: string; readonly all: readonly Member[] }
  /** No object, or none at all: the scan must end all the same. */
  | { readonly kind: "any"; readonly text: string };

const NAMES = ["payload", "a", "", "\\", '"', "\u{1f4e1}", "pay\nload", "__proto__"] as const;

const key = fc.oneof(spelled(fc.constantFrom(...NAMES)), stringText);
const value = seldom(valueText, 500, fc.oneof(deepText, largeText));
const all = fc.array(members(key, value), { maxLength: 6 });

const cases: fc.Arbitrary<Case> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("right" as const),
      wanted: fc.constantFrom(...NAMES),
      all,
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .oneof(mutated(all.map((made) => object(made))), tokenSoup, nastyPiece)
      .map((text) => ({ kind: "any" as const, text })),
  },
);

function check(input: Case): void {
  if (input.kind === "right") {
    const { wanted, all: made } = input;
    const last = made.findLast((member) => JSON.parse(member.key) === wanted);
    mustEqual(sliceMember(object(made), wanted), last?.value, "a member's own text");
    return;
  }
  try {
    const slice = sliceMember(input.text, "payload");
    must(slice === undefined || input.text.includes(slice), "a slice that is none of the text");
  } catch (fault) {
    // A key that is no JSON; in use, the whole text has been found to be JSON before.
    must(fault instanceof SyntaxError, `a scan threw ${fault}`);
  }
}

/** `sliceMember`: a member's bytes, whatever stands around them. */
export const payloadSlices = pureTarget<Case>({
  name: "payload-slices",
  weight: 4,
  cases,
  check,
  size: (input) => (input.kind === "right" ? object(input.all).length : input.text.length),
});
