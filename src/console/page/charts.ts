import uPlot from "uplot";
import type { FigureName } from "../../observability/history.ts";
import { byId, make, setAttribute, setText } from "./dom.ts";
import { count, millis, rate, shortNode, UNKNOWN } from "./format.ts";
import { MAX_LINES, type Series } from "./series.ts";

/** What a chart shows. */
interface ChartKind {
  readonly figure: FigureName;
  readonly title: string;
  readonly format: (value: number | null) => string;
  /** Of the nodes' figures, the one of the cluster: their sum, or the worst. */
  readonly whole: "sum" | "worst";
  /** Only where there is a Redis. */
  readonly needsRedis?: true;
}

const KINDS: readonly ChartKind[] = [
  { figure: "sockets", title: "Browsers", format: count, whole: "sum" },
  {
    figure: "publishes",
    title: "Events published",
    format: (value) => (value === null ? UNKNOWN : `${rate(value)}/s`),
    whole: "sum",
  },
  {
    figure: "deliveries",
    title: "Deliveries",
    format: (value) => (value === null ? UNKNOWN : `${rate(value)}/s`),
    whole: "sum",
  },
  { figure: "lag", title: "Delivery lag", format: millis, whole: "worst" },
  {
    figure: "redis",
    title: "Redis, there and back",
    format: millis,
    whole: "worst",
    needsRedis: true,
  },
];

/** How far back can be looked, in minutes. */
const WINDOWS = [2, 5, 10] as const;

const HEIGHT = 132;

/** How often what a chart says is told anew to screen readers, in milliseconds. */
const SUMMARY_MS = 15_000;

/** Lines of the nodes over the last minutes. */
export class ChartsView {
  readonly #series: Series;
  readonly #charts = KINDS.map((kind) => new Chart(kind));
  readonly #legend = byId("legend", HTMLElement);
  #minutes: number = 10;
  #shownNodes = "";

  constructor(series: Series) {
    this.#series = series;
    byId("charts", HTMLElement).replaceChildren(...this.#charts.map(({ card }) => card));
    this.#makeWindows();
    const resized = new ResizeObserver(() => {
      for (const chart of this.#charts) {
        chart.fit();
      }
    });
    resized.observe(byId("charts", HTMLElement));
  }

  /** Draws what there is. */
  show(hasRedis: boolean): void {
    const { nodes } = this.#series;
    const names = nodes.map(({ node }) => node).join(" ");
    if (names !== this.#shownNodes) {
      this.#shownNodes = names;
      this.#legend.replaceChildren(
        ...(nodes.length < 2 ? [] : nodes).map(({ node }, index) =>
          make(
            "li",
            { class: "chip" },
            make("i", { attributes: { "data-line": String(index + 1), "aria-hidden": "true" } }),
            document.createTextNode(shortNode(node)),
          ),
        ),
      );
    }
    setAttribute(byId("charts", HTMLElement), "data-with-redis", String(hasRedis));
    for (const chart of this.#charts) {
      chart.card.hidden = chart.kind.needsRedis === true && !hasRedis;
      if (!chart.card.hidden) {
        chart.draw(this.#series, this.#minutes);
      }
    }
  }

  /** Draws anew in other colours. */
  recolour(): void {
    colours.clear();
    for (const chart of this.#charts) {
      chart.recolour();
    }
  }

  #makeWindows(): void {
    const buttons = WINDOWS.map((minutes) => {
      const button = make("button", { text: `${minutes} min`, attributes: { type: "button" } });
      button.addEventListener("click", () => {
        this.#minutes = minutes;
        mark();
        for (const chart of this.#charts) {
          chart.draw(this.#series, minutes);
        }
      });
      return { minutes, button };
    });
    const mark = (): void => {
      for (const { minutes, button } of buttons) {
        button.setAttribute("aria-pressed", String(minutes === this.#minutes));
      }
    };
    mark();
    byId("window", HTMLElement).replaceChildren(...buttons.map(({ button }) => button));
  }
}

/** One chart in its card: a title, the newest figure or the one under the pointer, lines. */
class Chart {
  readonly kind: ChartKind;
  readonly card: HTMLElement;
  readonly #now = make("span", { class: "chart-now" });
  readonly #box = make("div", { class: "chart-box", attributes: { role: "img" } });
  #plot: uPlot | undefined;
  #lines = 0;
  #newest = "";
  /** What was summarised last, and when. */
  #summary = { minutes: 0, at: 0 };

  constructor(kind: ChartKind) {
    this.kind = kind;
    this.card = make(
      "figure",
      { class: "card chart" },
      make("figcaption", {}, make("span", { text: kind.title }), this.#now),
      this.#box,
    );
  }

  draw(series: Series, minutes: number): void {
    const columns = series.nodes.map(({ columns: { [this.kind.figure]: column } }) => column);
    const data: uPlot.AlignedData = [[...series.times], ...columns];
    const lines = Math.max(1, columns.length);
    if (this.#plot === undefined || lines !== this.#lines) {
      this.#plot?.destroy();
      this.#lines = lines;
      this.#plot = this.#make(lines);
    }
    const end = series.times.at(-1) ?? Date.now() / 1000;
    this.#plot.batch(() => {
      this.#plot?.setData(columns.length === 0 ? [[], []] : data, false);
      this.#plot?.setScale("x", { min: end - minutes * 60, max: end });
    });
    const latest = columns.map((column) => column.at(-1) ?? null);
    this.#newest = this.kind.format(wholeOf(this.kind, latest));
    if ((this.#plot.cursor.idx ?? null) === null) {
      setText(this.#now, this.#newest);
    }
    this.#summarise(series.times, columns, end - minutes * 60, minutes);
  }

  fit(): void {
    const width = this.#box.clientWidth;
    if (width > 0 && this.#plot !== undefined && this.#plot.width !== width) {
      this.#plot.setSize({ width, height: HEIGHT });
    }
  }

  recolour(): void {
    this.#plot?.redraw(false);
  }

  #make(lines: number): uPlot {
    const { figure, format } = this.kind;
    const isAlone = lines === 1;
    const options: uPlot.Options = {
      width: this.#box.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      padding: [8, 20, 0, 0],
      cursor: {
        y: false,
        points: { size: 6 },
        drag: { x: false, y: false },
        sync: { key: "minutes" },
      },
      scales: {
        x: { time: true },
        y: {
          range: (_plot, _min, max) => [0, niceMax(max, figure)],
        },
      },
      axes: [
        {
          stroke: () => colour("--muted"),
          grid: { show: false },
          ticks: { show: false },
          font: FONT,
          size: 24,
          space: 70,
          values: (_plot, splits, _axis, _space, step) => splits.map((at) => timeOf(at, step)),
        },
        {
          stroke: () => colour("--muted"),
          grid: { stroke: () => colour("--grid"), width: 1 },
          ticks: { show: false },
          font: FONT,
          size: 42,
          space: 34,
          values: (_plot, splits) => splits.map((split) => tick(split, format)),
        },
      ],
      series: [
        {},
        ...Array.from({ length: lines }, (_, index) => ({
          stroke: () => colour(`--line-${(index % MAX_LINES) + 1}`),
          width: 1.75,
          spanGaps: false,
          points: { show: false },
          ...(isAlone ? { fill: () => colour("--line-fill") } : {}),
        })),
      ],
      hooks: {
        setCursor: [(plot) => this.#point(plot)],
      },
    };
    return new uPlot(options, [[], ...Array.from({ length: lines }, () => [])], this.#box);
  }

  /** Shows the figure under the pointer instead of the newest. */
  #point(plot: uPlot): void {
    const index = plot.cursor.idx ?? null;
    const time = index === null ? undefined : plot.data[0][index];
    if (index === null || time === undefined) {
      setText(this.#now, this.#newest);
      return;
    }
    const values = plot.data.slice(1).map((column) => column[index] ?? null);
    const when = new Date(time * 1000).toLocaleTimeString("en-GB");
    setText(this.#now, `${when}  ${this.kind.format(wholeOf(this.kind, values))}`);
  }

  /** Says in words what the lines show, for those who do not see them; not every second. */
  #summarise(
    times: readonly number[],
    columns: readonly (readonly (number | null)[])[],
    from: number,
    minutes: number,
  ): void {
    const now = performance.now();
    if (this.#summary.minutes === minutes && now - this.#summary.at < SUMMARY_MS) {
      return;
    }
    this.#summary = { minutes, at: now };
    const values = times.flatMap((time, index) => {
      const value = wholeOf(
        this.kind,
        columns.map((column) => column[index] ?? null),
      );
      return time >= from && value !== null ? [value] : [];
    });
    const { title, format } = this.kind;
    const text =
      values.length === 0
        ? `${title}: no figures yet`
        : `${title} over the last ${minutes} minutes: now ${this.#newest}, lowest ${format(Math.min(...values))}, highest ${format(Math.max(...values))}`;
    setAttribute(this.#box, "aria-label", text);
  }
}

const FONT = '11px system-ui, "Segoe UI", Roboto, sans-serif';

/** The cluster's figure; `null` when no node has one. */
function wholeOf({ whole }: ChartKind, values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) {
    return null;
  }
  return whole === "sum" ? known.reduce((sum, value) => sum + value, 0) : Math.max(...known);
}

/** An upper end of the axis that is not reached too closely, and never nought. */
function niceMax(max: number | null, figure: FigureName): number {
  const least = figure === "lag" || figure === "redis" ? 1 : 4;
  return Math.max(least, (max ?? 0) * 1.15);
}

function tick(value: number, format: (value: number) => string): string {
  return format(value).replace("/s", "").replace(" ms", "");
}

/** With seconds where the marks are less than a minute apart. */
function timeOf(unixSeconds: number, step: number): string {
  const time = new Date(unixSeconds * 1000).toLocaleTimeString("en-GB");
  return step < 60 ? time : time.slice(0, -3);
}

/** Colours as a canvas takes them, by the names of the style sheet. */
const colours = new Map<string, string>();

/** An element that nobody sees, to have the browser work out what a colour is. */
const probe = make("span", { attributes: { hidden: "" } });

function colour(name: string): string {
  const known = colours.get(name);
  if (known !== undefined) {
    return known;
  }
  if (!probe.isConnected) {
    document.body.append(probe);
  }
  probe.style.color = `var(${name})`;
  const { color } = getComputedStyle(probe);
  colours.set(name, color);
  return color;
}
