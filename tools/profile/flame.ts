import type { Sample } from "./samples.ts";

/** Sizes in user units, which are pixels unless the picture is scaled. */
const WIDTH = 1200;
const ROW = 17;
const TITLE = 30;
/** Narrower bars are left out: nobody could see them. */
const LEAST_WIDTH = 0.5;
/** Width of a letter, for cutting names. */
const LETTER = 6.6;

interface Bar {
  readonly name: string;
  count: number;
  readonly above: Map<string, Bar>;
}

function newBar(name: string): Bar {
  return { name, count: 0, above: new Map() };
}

/** Stacks that begin alike become one bar: threads at the bottom, callers below what they call. */
function fold(samples: readonly Sample[]): Bar {
  const all = newBar("all");
  for (const { thread, stack } of samples) {
    let bar = all;
    bar.count += 1;
    for (const name of [thread, ...stack.map(nameOf).reverse()]) {
      // Code without names would else be a tower of them.
      if (name === bar.name) continue;
      const next = bar.above.get(name) ?? newBar(name);
      bar.above.set(name, next);
      next.count += 1;
      bar = next;
    }
  }
  return all;
}

function nameOf({ symbol, file }: Sample["stack"][number]): string {
  return symbol === "[unknown]" ? `(${file.split("/").at(-1)})` : symbol;
}

/** A flame picture of stacks as SVG text; a bar's share is told when the mouse rests on it. */
export function flamePicture(title: string, samples: readonly Sample[]): string {
  const all = fold(samples);
  const rects: string[] = [];
  let depth = 0;
  const draw = (bar: Bar, x: number, level: number): void => {
    const width = (bar.count / all.count) * WIDTH;
    if (width < LEAST_WIDTH) return;
    depth = Math.max(depth, level);
    const share = ((bar.count / all.count) * 100).toFixed(1);
    const label = bar.name.slice(0, Math.floor(width / LETTER));
    const hue = 10 + (Bun.hash.xxHash32(bar.name) % 45);
    rects.push(
      `<g transform="translate(${x.toFixed(1)} ${-(level + 1) * ROW})">` +
        `<title>${escaped(bar.name)}: ${share} %</title>` +
        `<rect width="${width.toFixed(1)}" height="${ROW - 1}" fill="hsl(${hue} 75% 65%)"/>` +
        `<text x="2" y="12">${escaped(label)}</text></g>`,
    );
    let left = x;
    for (const next of [...bar.above.values()].sort((a, b) => b.count - a.count)) {
      draw(next, left, level + 1);
      left += (next.count / all.count) * WIDTH;
    }
  };
  draw(all, 0, 0);
  const height = TITLE + (depth + 1) * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}">`,
    `<style>text { font: 11px ui-monospace, monospace; fill: #222 }</style>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="4" y="18">${escaped(title)}</text>`,
    `<g transform="translate(0 ${height})">`,
    ...rects,
    "</g></svg>\n",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
