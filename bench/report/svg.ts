import { BarChart, CustomChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

echarts.use([BarChart, LineChart, CustomChart, GridComponent, LegendComponent, SVGRenderer]);

/** What is drawn, and what it is called for those who do not see it. */
export interface Drawing {
  readonly title: string;
  /** What the picture shows, figures and all. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly option: echarts.EChartsCoreOption;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/**
 * What ECharts writes for its own events is of no use in a picture, and its names count all
 * pictures of the process: without them the same drawing has the same bytes.
 */
function normalise(svg: string): string {
  const ids = new Map<string, string>();
  return svg
    .replace(/<style\b[^>]*>.*?<\/style>\n?/gs, "")
    .replace(/ (?:class|ecmeta_\w+|pointer-events|xmlns:xlink|baseProfile|version)="[^"]*"/g, "")
    .replace(/<rect [^>]*fill="none"><\/rect>\n?/, "")
    .replace(/><\/(?:path|rect)>/g, "/>")
    .replace(/\bzr\d+-[\w-]+/g, (id) => {
      const known = ids.get(id) ?? `part-${ids.size}`;
      ids.set(id, known);
      return known;
    });
}

/** Draws an SVG picture: the same bytes for the same drawing. */
export function renderSvg({ title, description, width, height, option }: Drawing): string {
  const chart = echarts.init(null, null, { ssr: true, renderer: "svg", width, height });
  try {
    chart.setOption({ animation: false, ...option });
    const [head = "", ...rest] = normalise(chart.renderToSVGString()).split("\n");
    const labelled = head.replace("<svg ", '<svg role="img" aria-labelledby="title desc" ');
    const words = [
      `<title id="title">${escapeXml(title)}</title>`,
      `<desc id="desc">${escapeXml(description)}</desc>`,
    ];
    return `${[labelled, ...words, ...rest.filter((line) => line !== "")].join("\n")}\n`;
  } finally {
    chart.dispose();
  }
}
