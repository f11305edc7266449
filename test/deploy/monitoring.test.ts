import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import { adapt } from "../../tools/cluster/adapt.ts";
import { deployFile } from "../../tools/cluster/places.ts";
import { eventually } from "../support/changes.ts";
import { RedisServer } from "../support/cluster-redis.ts";
import { metricFamilies } from "../support/metrics.ts";
import { freePorts } from "../support/ports.ts";
import { Program, run } from "../support/program.ts";
import { SOURCE_RUN } from "../support/targets.ts";
import { LOOPBACK } from "../support/tcp-client.ts";
import { TempDir } from "../support/temp-dir.ts";
import { startWorker } from "../support/worker.ts";
import { healthyDay, SCENARIOS, type Scenario, USUAL_MINUTES } from "./alert-scenarios.ts";

setDefaultTimeout(60_000);

const ALERTS = deployFile("prometheus-alerts.yml");
const CONFIG = readFileSync(deployFile("prometheus.yml"), "utf8");

const alertFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(["critical", "warning"]) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
});

const area = z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() });
const panel = z.object({
  id: z.int(),
  title: z.string(),
  type: z.enum(["row", "stat", "table", "timeseries"]),
  gridPos: area,
  targets: z.array(z.object({ refId: z.string(), expr: z.string() })).default([]),
});
const dashboard = z.object({
  title: z.string(),
  uid: z.string(),
  schemaVersion: z.int(),
  panels: z.array(panel),
  templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
});

const rules = alertFile
  .parse(Bun.YAML.parse(readFileSync(ALERTS, "utf8")))
  .groups.flatMap((group) => group.rules);
const { panels, templating } = dashboard.parse(
  JSON.parse(readFileSync(deployFile("grafana-dashboard.json"), "utf8")),
);
const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

const families = new Map(metricFamilies().map((family) => [family.name, family]));

/** Names of metrics in an expression, without what a histogram adds to its own. */
function metricsIn(expression: string): readonly string[] {
  const found = expression.match(/\b(?:wavelog_worker|process)_[a-z_]+/g) ?? [];
  return found.map((name) => {
    const base = name.replace(/_(?:bucket|sum|count)$/, "");
    return families.get(base)?.type === "histogram" ? base : name;
  });
}

describe("every metric exists that is named in", () => {
  test.each([
    ["deploy/prometheus-alerts.yml", rules.map(({ expr }) => expr)],
    ["deploy/grafana-dashboard.json", queries],
  ])("%s", (_file, expressions) => {
    const named = expressions.flatMap(metricsIn);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !families.has(name))).toEqual([]);
  });
});

test("labels that alerts and panels select by are those the metrics have", () => {
  // Prometheus adds these itself.
  const own = ["job", "instance", "le"];
  for (const expression of [...rules.map(({ expr }) => expr), ...queries]) {
    for (const [, name = "", selector = ""] of expression.matchAll(/\b([a-z_]+)\{([^}]*)\}/g)) {
      const [metric = ""] = metricsIn(name);
      const labels = [...selector.matchAll(/(\w+)\s*[=!]/g)].map(([, label = ""]) => label);
      const known = [...own, ...(families.get(metric)?.labels ?? [])];
      expect(labels.filter((label) => !known.includes(label))).toEqual([]);
    }
  }
});

test("the dashboard shows every metric", () => {
  const shown = new Set(queries.flatMap(metricsIn));
  expect([...families.keys()].filter((name) => !shown.has(name))).toEqual([]);
});

test("the dashboard's panels have ids of their own, and none lies over another", () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(templating.list.map(({ name }) => name)).toEqual(["datasource", "job", "instance"]);
});

test("promtool finds nothing wrong with the alerts", async () => {
  const checked = await run(["promtool", "check", "rules", ALERTS]);
  expect(checked).toMatchObject({ status: 0, stderr: "" });
  expect(checked.stdout).toContain(`SUCCESS: ${rules.length} rules found`);
});

test("promtool finds nothing wrong with the configuration", async () => {
  using dir = new TempDir();
  const file = writeConfig(dir, 9001, "x".repeat(32));
  expect(await run(["promtool", "check", "config", file])).toMatchObject({ status: 0, stderr: "" });
});

test("there is one scenario for each alert", () => {
  expect(SCENARIOS.map(({ alert }) => alert).toSorted()).toEqual(
    rules.map(({ alert }) => alert).toSorted(),
  );
});

test("alerts fire when they should, not before, and never on a healthy day", async () => {
  using dir = new TempDir();
  const healthy = ruleTest("healthy", healthyDay(USUAL_MINUTES), [
    { at: "20m", firing: [] },
    { at: "90m", firing: [] },
  ]);
  const tests = SCENARIOS.map((scenario: Scenario) => {
    const { alert, series, minutes = USUAL_MINUTES, firesAt, notBefore } = scenario;
    return ruleTest(alert, { ...healthyDay(minutes), ...series(minutes) }, [
      { at: notBefore, firing: [] },
      { at: firesAt, firing: [alert] },
    ]);
  });
  const file = dir.file("rules-test.yml");
  // JSON is YAML.
  const text = { rule_files: [ALERTS], evaluation_interval: "1m", tests: [healthy, ...tests] };
  writeFileSync(file, JSON.stringify(text));
  const checked = await run(["promtool", "test", "rules", file]);
  expect(checked.stderr + checked.stdout).toContain("SUCCESS");
  expect(checked.status).toBe(0);
});

test("a real Prometheus collects a worker with these files, and every panel can be asked for", async () => {
  using dir = new TempDir();
  await using redis = await RedisServer.start();
  await using worker = await startWorker({
    target: SOURCE_RUN,
    config: { redis_url: redis.url, gateway_threads: 2 },
  });
  const { api, ports, secret } = worker;
  const config = writeConfig(dir, ports.internal, secret);
  const { ws: port } = freePorts();
  await using prometheus = new Program([
    "prometheus",
    `--config.file=${config}`,
    `--storage.tsdb.path=${dir.file("data")}`,
    `--web.listen-address=${LOOPBACK}:${port}`,
    "--log.level=error",
  ]);
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://${LOOPBACK}:${port}/api/v1/${path}`);
    return await answer.json();
  };
  const query = async (expression: string): Promise<readonly unknown[]> => {
    const answer = await ask(`query?query=${encodeURIComponent(expression)}`);
    return queryAnswer.parse(answer).data.result;
  };
  const isThere = (expression: string) =>
    eventually(async () => (await query(expression)).length > 0, expression);

  await isThere('up{job="wavelog_worker"} == 1');
  await api.register("a");
  using _ = await worker.subscribe("a");
  await api.publish("a", "1");
  await isThere("increase(wavelog_worker_deliveries_total[1m]) > 0");
  for (const expression of queries) {
    const filled = expression
      .replaceAll("$__rate_interval", "1m")
      .replaceAll("$job", "wavelog_worker")
      .replaceAll("$instance", ".*");
    const result = await query(filled);
    // Panels that show what has happened show nothing while nothing has.
    expect(result.length > 0 || filled.endsWith("> 0")).toBe(true);
  }
  await eventually(async () => {
    const loaded = rulesAnswer.parse(await ask("rules")).data.groups.flatMap((one) => one.rules);
    return loaded.length === rules.length && loaded.every(({ health }) => health === "ok");
  }, "every alert to have been evaluated");
  expect(await query('ALERTS{alertstate="firing"}')).toEqual([]);
  expect(prometheus.hasEnded).toBe(false);
});

const queryAnswer = z.object({
  status: z.literal("success"),
  data: z.object({ result: z.array(z.unknown()) }),
});
const rulesAnswer = z.object({
  status: z.literal("success"),
  data: z.object({
    groups: z.array(z.object({ rules: z.array(z.object({ health: z.string() })) })),
  }),
});

/** `deploy/prometheus.yml` for one worker of this machine, asked often; the file's place. */
function writeConfig(dir: TempDir, internal: number, secret: string): string {
  const secretFile = dir.file("secret");
  // As editors write it.
  writeFileSync(secretFile, `${secret}\n`);
  const text = adapt(CONFIG, [
    ["scrape_interval: 15s", "scrape_interval: 500ms"],
    ["evaluation_interval: 15s", "evaluation_interval: 500ms"],
    [basename(ALERTS), ALERTS],
    ["/etc/prometheus/wavelog_worker_secret", secretFile],
    ['"10.0.0.11:9001", "10.0.0.12:9001", "10.0.0.13:9001"', `"${LOOPBACK}:${internal}"`],
  ]);
  const file = dir.file("prometheus.yml");
  writeFileSync(file, text);
  return file;
}

/** One of promtool's rule tests: which alerts fire at some moments, given some series. */
function ruleTest(
  name: string,
  series: Readonly<Record<string, string>>,
  moments: readonly { readonly at: string; readonly firing: readonly string[] }[],
): object {
  return {
    name,
    interval: "1m",
    input_series: Object.entries(series).map(([one, values]) => ({ series: one, values })),
    promql_expr_test: moments.map(({ at, firing }) => ({
      expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
      eval_time: at,
      exp_samples: firing.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
    })),
  };
}
