import { expect, test } from "bun:test";
import { renderCharts } from "./charts.ts";
import { MADE_UP_RESULT } from "./made-up-result.ts";

const MOST_BYTES = 40_000;
const pictures = renderCharts(MADE_UP_RESULT);

test("rows that many have a number in and curves get a picture for light and one for dark", () => {
  expect(pictures.map(({ file }) => file)).toEqual([
    "made-up.rate-light.svg",
    "made-up.rate-dark.svg",
    "made-up.cost-light.svg",
    "made-up.cost-dark.svg",
    "made-up.growth-light.svg",
    "made-up.growth-dark.svg",
  ]);
});

test("the same result gives the same bytes, in the same process too", () => {
  expect(renderCharts(MADE_UP_RESULT)).toEqual(pictures);
});

for (const { file, svg } of pictures) {
  test(`${file} is small, has words for those who do not see it, and nothing of the library`, () => {
    expect(Buffer.byteLength(svg)).toBeLessThan(MOST_BYTES);
    expect(svg).toMatch(
      /^<svg role="img" aria-labelledby="title desc" .*\n<title id="title">[^<]+<\/title>\n<desc id="desc">[^<]+<\/desc>/,
    );
    expect(svg).not.toMatch(/zr\d|ecmeta|<style|NaN|undefined/);
  });
}

test("who has no number is shown with the word for it, not as a bar of zero", () => {
  const [rate, , cost] = pictures;
  expect(rate?.svg).toContain(">failed</text>");
  expect(cost?.svg).toContain(">cannot</text>");
});
