import fc from "fast-check";
import { splitTarget } from "../../../src/api/request-target.ts";
import { must, mustEqual } from "../check.ts";
import { mutated } from "../generate/mutation.ts";
import { repeatedText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

type Case =
  | { readonly kind: "right"; readonly host: string; readonly path: string; readonly query: string }
  | { readonly kind: "any"; readonly text: string };

/** No white space gets here: the request line ends a target at the first. */
const piece = wildText(15).map((text) => text.replaceAll(/[\s?]/g, ""));

const right = fc.record({
  kind: fc.constant("right" as const),
  host: fc.constantFrom("", "http://worker:9001", "HTTPS://a", "http://"),
  path: piece.map((text) => `/${text}`),
  query: fc.oneof(
    fc.constant(""),
    fc.tuple(piece, piece).map((all) => all.join("?")),
  ),
});

const cases: fc.Arbitrary<Case> = fc.oneof(
  { weight: 3, arbitrary: right },
  {
    weight: 1,
    arbitrary: seldom(
      fc.oneof(
        mutated(right.map(({ host, path, query }) => `${host}${path}?${query}`)),
        wildText(),
      ),
      300,
      repeatedText(fc.constantFrom("http://", "/", "?", "a"), 0x1_0000),
    ).map((text) => ({ kind: "any" as const, text })),
  },
);

function check(input: Case): void {
  if (input.kind === "right") {
    const { host, path, query } = input;
    const target = `${host}${path}${query === "" ? "" : `?${query}`}`;
    mustEqual(splitTarget(target), { path, query }, "a target");
    return;
  }
  const { path, query } = splitTarget(input.text);
  must(!path.includes("?"), "a path with a query");
  must(
    input.text.endsWith(query === "" ? path : `${path}?${query}`) || input.text.endsWith("?"),
    "a target that says something else",
  );
}

/** `splitTarget`: path and query of a request, as they were sent. */
export const requestTargets = pureTarget<Case>({
  name: "request-targets",
  weight: 1,
  cases,
  check,
  size: (input) => (input.kind === "any" ? input.text.length : 0),
});
