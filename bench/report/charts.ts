import { median } from "../stats.ts";
import {
  ACCENTED,
  FONT,
  FONT_SIZE,
  PALETTES,
  type Palette,
  SCHEMES,
  type Scheme,
  SYMBOLS,
  WIDTH,
} from "./chart-theme.ts";
import { judge, type Standing } from "./judge.ts";
import { quantity } from "./quantity.ts";
import { type Drawing, renderSvg } from "./svg.ts";
import { CONTENDER_NAMES, type Curve, type Result, type Row, type Unit } from "./types.ts";
import { titleOf } from "./words.ts";

/** With fewer bars a picture says no more than the table. */
const FEWEST_BARS = 3;
/** From this many times on, the least bar would be a hair on a linear scale. */
const LOG_FROM = 12;
const BAR_HEIGHT = 20;
const BAR_PITCH = 34;
const MARGIN = 10;
const LABEL_GAP = 12;
/** Room for "0.412 ms" behind the longest bar. */
const VALUE_ROOM = 92;
const AXIS_ROOM = 44;
/** Mean width of a letter by the size of the font; good enough to leave room for one. */
const LETTER = 0.56;
/** Half the width of a whisker's ends. */
const WHISKER = 5;
const CURVE_HEIGHT = 320;
const LEGEND_LINE = 24;
/** What one entry of a legend needs beside its letters. */
const LEGEND_MARK = 54;

/** A picture as a file: `<id>-light.svg`. */
export interface Picture {
  readonly file: string;
  readonly svg: string;
}

function letters(text: string): number {
  return text.length * FONT_SIZE * LETTER;
}

/** Powers of ten around all values, with some room below the least so that its bar is seen. */
function decades(values: readonly number[]): { readonly min: number; readonly max: number } {
  const least = Math.min(...values);
  return {
    min: 10 ** Math.floor(Math.log10(least / 2)),
    max: Math.max(...values),
  };
}

function isLog(values: readonly number[]): boolean {
  const least = Math.min(...values);
  return least > 0 && Math.max(...values) >= LOG_FROM * least;
}

function axis(palette: Palette, unit: Unit) {
  return {
    axisLabel: {
      color: palette.muted,
      fontSize: FONT_SIZE - 2,
      fontFamily: FONT,
      hideOverlap: true,
      formatter: (value: number) => quantity(value, unit).replace(/\.0+(?= |$)/, ""),
    },
    axisLine: { show: false },
    axisTick: { show: false },
    minorTick: { show: false },
    splitLine: { lineStyle: { color: palette.grid } },
  };
}

function valueAxis(palette: Palette, unit: Unit, values: readonly number[]) {
  const common = { ...axis(palette, unit), splitNumber: 4 };
  return isLog(values)
    ? { ...common, type: "log" as const, ...decades(values) }
    : { ...common, type: "value" as const, min: 0 };
}

interface Point {
  readonly position: number;
  readonly least: number;
  readonly most: number;
}

/** Thin lines from the least to the most of the rounds, behind the points. */
function whiskers(palette: Palette, points: readonly Point[]) {
  return {
    type: "custom" as const,
    silent: true,
    z: 2,
    tooltip: { show: false },
    data: points
      .filter(({ least, most }) => least < most)
      .map(({ position, least, most }) => [position, least, most]),
    renderItem: (
      _: unknown,
      api: { value(at: number): number; coord(at: readonly number[]): number[] },
    ) => {
      const [position, least, most] = [api.value(0), api.value(1), api.value(2)];
      const [x1 = 0, y1 = 0] = api.coord([position, least]);
      const [x2 = 0, y2 = 0] = api.coord([position, most]);
      const line = (ax: number, ay: number, bx: number, by: number) => ({
        type: "line" as const,
        shape: { x1: ax, y1: ay, x2: bx, y2: by },
        style: { stroke: palette.whisker, lineWidth: 1.2, opacity: 0.75 },
      });
      const end = (x: number, y: number) => line(x - WHISKER, y, x + WHISKER, y);
      return { type: "group" as const, children: [line(x1, y1, x2, y2), end(x1, y1), end(x2, y2)] };
    },
  };
}

/** What a standing says in a picture: its value, or why there is none. */
function valueText(row: Row, { cell }: Standing): string {
  return cell.kind === "measured" ? quantity(cell.value, row.unit) : cell.kind;
}

/** Whether a picture shows more of a row than its table. */
export function hasBars(row: Row): boolean {
  const { standings } = judge(row);
  const measured = standings.filter(({ cell }) => cell.kind === "measured");
  return row.combine === "median" && measured.length >= FEWEST_BARS;
}

/** The words for a row's picture: who reached what. */
export function barsDescription(result: Result, row: Row): string {
  const parts = judge(row).standings.map(
    (standing) => `${titleOf(result, standing.name, row)} ${valueText(row, standing)}`,
  );
  return `${row.better === "less" ? "Less" : "More"} is better. ${parts.join(", ")}.`;
}

function bars(result: Result, row: Row, palette: Palette): Drawing {
  const { standings } = judge(row);
  const values = standings.flatMap(({ cell }) =>
    cell.kind === "measured" ? [cell.least, cell.most] : [],
  );
  const names = standings.map(({ name }) => titleOf(result, name, row));
  const left = MARGIN + Math.max(...names.map(letters)) + LABEL_GAP;
  const isLogarithmic = isLog(values);
  const start = isLogarithmic ? decades(values).min : 0;
  const label = { fontFamily: FONT, fontSize: FONT_SIZE, textBorderWidth: 0 };
  return {
    title: row.what,
    description: barsDescription(result, row),
    width: WIDTH,
    height: MARGIN + standings.length * BAR_PITCH + AXIS_ROOM,
    option: {
      textStyle: { fontFamily: FONT, fontSize: FONT_SIZE },
      grid: { left, right: VALUE_ROOM, top: MARGIN, bottom: AXIS_ROOM },
      xAxis: {
        ...valueAxis(palette, row.unit, values),
        // Bars of a logarithmic axis would else begin at 1, and go to the left of it.
        startValue: start,
        name: `${row.better} is better${isLogarithmic ? " · logarithmic" : ""}`,
        nameLocation: "middle" as const,
        nameGap: 26,
        nameTextStyle: { color: palette.muted, fontSize: FONT_SIZE - 2, fontFamily: FONT },
      },
      yAxis: {
        type: "category" as const,
        inverse: true,
        data: names,
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: { color: palette.text, fontSize: FONT_SIZE, fontFamily: FONT },
      },
      series: [
        {
          type: "bar" as const,
          barWidth: BAR_HEIGHT,
          silent: true,
          data: standings.map((standing) => {
            const { name, cell } = standing;
            const isOurs = name === ACCENTED;
            return {
              value: cell.kind === "measured" ? cell.value : start,
              itemStyle: {
                color: isOurs ? palette.accent : palette.quiet,
                borderRadius: [0, 3, 3, 0],
              },
              label: {
                ...label,
                show: true,
                position: "right" as const,
                distance: LABEL_GAP,
                color: cell.kind === "measured" ? palette.text : palette.muted,
                fontWeight: isOurs ? ("bold" as const) : ("normal" as const),
                formatter: valueText(row, standing),
              },
            };
          }),
        },
      ],
    },
  };
}

/** The words for a curve's picture: where each line begins and ends. */
export function curveDescription(result: Result, curve: Curve): string {
  const at = (x: number): string => quantity(x, "count");
  const parts = curve.lines.flatMap(({ name, points }) => {
    const first = points[0];
    const last = points.at(-1);
    if (first === undefined || last === undefined) return [];
    const from = `${quantity(median(first.samples), curve.y.unit)} at ${at(first.x)}`;
    const to = `${quantity(median(last.samples), curve.y.unit)} at ${at(last.x)}`;
    return [`${lineTitle(result, name)}: ${from}, ${to}`];
  });
  return `${curve.y.label} by ${curve.x.label}. ${parts.join("; ")}.`;
}

/** A line's name in words: a contender's title, or the setting that it is. */
export function lineTitle(result: Result, name: string): string {
  const contender = CONTENDER_NAMES.find((one) => one === name);
  return contender === undefined ? name : titleOf(result, contender);
}

function legendLines(names: readonly string[]): number {
  let lines = 1;
  let used = 0;
  for (const name of names) {
    const width = letters(name) + LEGEND_MARK;
    if (used > 0 && used + width > WIDTH - 2 * MARGIN) {
      lines++;
      used = 0;
    }
    used += width;
  }
  return lines;
}

function lines(result: Result, curve: Curve, palette: Palette): Drawing {
  const { x, y } = curve;
  const all = curve.lines.flatMap(({ points }) => points.flatMap(({ samples }) => samples));
  const names = curve.lines.map(({ name }) => lineTitle(result, name));
  const legendHeight = legendLines(names) * LEGEND_LINE;
  const small = { color: palette.muted, fontSize: FONT_SIZE - 2, fontFamily: FONT };
  const xs = curve.lines.flatMap(({ points }) => points.map((point) => point.x));
  // The worker is told by colour; when all lines are settings of it, the first one is.
  const ours = Math.max(
    0,
    curve.lines.findIndex(({ name }) => name === ACCENTED),
  );
  const series = curve.lines.map(({ points }, i) => {
    const isOurs = i === ours;
    const other = palette.lines[(i < ours ? i : i - 1) % palette.lines.length] ?? palette.muted;
    const color = isOurs ? palette.accent : other;
    return {
      type: "line" as const,
      name: names[i] ?? "",
      silent: true,
      symbol: SYMBOLS[i % SYMBOLS.length] ?? "circle",
      symbolSize: 7,
      lineStyle: { color, width: isOurs ? 3 : 1.8 },
      itemStyle: { color },
      z: isOurs ? 4 : 3,
      data: points.map((point) => [point.x, median(point.samples)]),
    };
  });
  const spread = curve.lines.flatMap(({ points }) =>
    points.map(({ x: position, samples }) => ({
      position,
      least: Math.min(...samples),
      most: Math.max(...samples),
    })),
  );
  return {
    title: curve.title,
    description: curveDescription(result, curve),
    width: WIDTH,
    height: CURVE_HEIGHT + legendHeight,
    option: {
      textStyle: { fontFamily: FONT, fontSize: FONT_SIZE },
      legend: {
        top: MARGIN,
        left: MARGIN,
        right: MARGIN,
        data: names,
        itemGap: 22,
        itemWidth: 22,
        textStyle: { color: palette.text, fontSize: FONT_SIZE - 1, fontFamily: FONT },
      },
      grid: { left: 76, right: 24, top: legendHeight + 42, bottom: 52 },
      xAxis: {
        ...axis(palette, "count"),
        type: x.log ? ("log" as const) : ("value" as const),
        min: Math.min(...xs),
        max: Math.max(...xs),
        splitLine: { show: false },
        axisLine: { show: true, lineStyle: { color: palette.grid } },
        name: `${x.label}${x.log ? " · logarithmic" : ""}`,
        nameLocation: "middle" as const,
        nameGap: 30,
        nameTextStyle: small,
      },
      yAxis: {
        ...valueAxis(palette, y.unit, all),
        name: `${y.label}${isLog(all) ? " · logarithmic" : ""}`,
        nameLocation: "end" as const,
        nameGap: 12,
        nameTextStyle: { ...small, align: "left" as const, padding: [0, 0, 0, -66] },
      },
      series: [...series, whiskers(palette, spread)],
    },
  };
}

function inBoth(id: string, draw: (palette: Palette) => Drawing): Picture[] {
  return SCHEMES.map((scheme) => ({
    file: pictureFile(id, scheme),
    svg: renderSvg(draw(PALETTES[scheme])),
  }));
}

/** The name of a row's or curve's picture. */
export function pictureFile(id: string, scheme: Scheme): string {
  return `${id}-${scheme}.svg`;
}

/** All pictures of a result, in both schemes. */
export function renderCharts(result: Result): Picture[] {
  return result.scenarios.flatMap(({ rows, curves }) => [
    ...rows
      .filter(hasBars)
      .flatMap((row) => inBoth(row.id, (palette) => bars(result, row, palette))),
    ...curves.flatMap((curve) => inBoth(curve.id, (palette) => lines(result, curve, palette))),
  ]);
}
