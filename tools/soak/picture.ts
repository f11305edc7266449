import { METRICS, type Metric, pointsOf } from "./metrics.ts";
import type { ModeResult } from "./mode.ts";

/** Sizes in user units, which are pixels unless the picture is scaled. */
const PANEL = { width: 460, height: 120 };
const MARGIN = { left: 60, right: 16, top: 26, bottom: 22 };
const TITLE_HEIGHT = 48;

/** Room above and below the values, as a share of their range. */
const HEADROOM = 0.1;

/** Light and dark, as the reader's system is. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #444 }
  .how { font-size: 10px }
  .title { font-size: 14px; font-weight: 600; fill: #111 }
  .page { fill: #fff }
  .frame { fill: none; stroke: #bbb }
  .warm { fill: #eee }
  .values { fill: none; stroke: #2a6fb0; stroke-width: 1 }
  .fit { stroke: #c0392b; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #bbb }
    .title { fill: #eee }
    .page { fill: #16181c }
    .frame { stroke: #555 }
    .warm { fill: #24272d }
    .values { stroke: #6cb2f0 }
    .fit { stroke: #ff8a70 }
  }
`;

/** The samples of all runs as an SVG picture: a column for each run, a row for each metric. */
export function picture(results: readonly ModeResult[]): string {
  const width = results.length * PANEL.width;
  const height = TITLE_HEIGHT + METRICS.length * PANEL.height;
  const panels = results.flatMap((result, column) => [
    text(column * PANEL.width + MARGIN.left, 24, "title", result.mode),
    text(column * PANEL.width + MARGIN.left, 40, "how", result.how),
    ...METRICS.map((metric, row) =>
      panel(result, metric, column * PANEL.width, TITLE_HEIGHT + row * PANEL.height),
    ),
  ]);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>Wavelog Worker under steady load</title>
<style>${STYLE}</style>
<rect class="page" width="${width}" height="${height}"/>
${panels.join("\n")}
</svg>
`;
}

function panel(result: ModeResult, metric: Metric, x: number, y: number): string {
  const points = pointsOf(result.samples, metric, 0);
  const last = points.at(-1)?.at ?? 1;
  const values = points.map(({ value }) => value);
  const room = (Math.max(...values) - Math.min(...values) || 1) * HEADROOM;
  const low = Math.max(0, Math.min(...values) - room);
  const high = Math.max(...values) + room;
  const box = {
    left: x + MARGIN.left,
    right: x + PANEL.width - MARGIN.right,
    top: y + MARGIN.top,
    bottom: y + PANEL.height - MARGIN.bottom,
  };
  const across = (at: number): string =>
    (box.left + (at / last) * (box.right - box.left)).toFixed(1);
  const up = (value: number): string =>
    (box.bottom - ((value - low) / (high - low)) * (box.bottom - box.top)).toFixed(1);
  const line = points.map(({ at, value }) => `${across(at)},${up(value)}`).join(" ");
  const warmWidth = Number(across(result.warmUp)) - box.left;
  const fit = result.findings.find((finding) => finding.metric.key === metric.key)?.fit;
  const fitted = (at: number): string => up((fit?.start ?? 0) + ((fit?.perHour ?? 0) / 3600) * at);
  const growth =
    fit === undefined ? "" : `, ${fit.perHour.toFixed(2)} ± ${fit.error.toFixed(2)} in an hour`;
  return `<g>
<rect class="warm" x="${box.left}" y="${box.top}" width="${warmWidth.toFixed(1)}" height="${box.bottom - box.top}"/>
<rect class="frame" x="${box.left}" y="${box.top}" width="${box.right - box.left}" height="${box.bottom - box.top}"/>
${text(box.left, box.top - 7, "", `${metric.what}${metric.unit === "" ? "" : `, ${metric.unit}`}${growth}`)}
${text(box.left - 6, box.top + 10, "", high.toFixed(1), "end")}
${text(box.left - 6, box.bottom, "", low.toFixed(1), "end")}
${text(box.left, box.bottom + 15, "", "0 s")}
${text(box.right, box.bottom + 15, "", `${last.toFixed(0)} s`, "end")}
<polyline class="values" points="${line}"/>
${fit === undefined ? "" : `<line class="fit" x1="${across(result.warmUp)}" y1="${fitted(result.warmUp)}" x2="${across(last)}" y2="${fitted(last)}"/>`}
</g>`;
}

function text(x: number, y: number, kind: string, content: string, anchor = "start"): string {
  const className = kind === "" ? "" : ` class="${kind}"`;
  return `<text x="${x}" y="${y}"${className} text-anchor="${anchor}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
