import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { environmentName } from "../../src/config/environment.ts";
import { loadConfig } from "../../src/config/load.ts";
import { CONFIG_KEYS } from "../../src/config/schema.ts";
import { trustedProxyCheck } from "../../src/gateway/trusted-proxies.ts";
import { adapt } from "../../tools/cluster/adapt.ts";
import { composeReplacements, nginxCommand } from "../../tools/cluster/nginx.ts";
import { deployFile } from "../../tools/cluster/places.ts";
import { freePorts } from "../support/ports.ts";
import { run } from "../support/program.ts";
import { SOURCE_RUN } from "../support/targets.ts";
import { TempDir } from "../support/temp-dir.ts";
import { startWorker } from "../support/worker.ts";

const COMPOSE_FILE = deployFile("compose.cluster.yaml");
const WORKERS = ["worker1", "worker2", "worker3"];

/** As far as the file uses what Compose knows. */
const service = z.strictObject({
  image: z.string(),
  // Both start a container again 0.1 s after its end.
  restart: z.enum(["always", "unless-stopped"]),
  stop_grace_period: z.string().optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  depends_on: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  healthcheck: z
    .strictObject({
      test: z.array(z.string()),
      interval: z.string(),
      timeout: z.string(),
      retries: z.int(),
      start_period: z.string(),
    })
    .optional(),
  ulimits: z.strictObject({ nofile: z.int() }).optional(),
});
const compose = z.strictObject({
  "x-worker": service,
  services: z.record(z.string(), service),
});

const single = z.strictObject({
  name: z.string(),
  services: z.strictObject({ worker: service }),
  volumes: z.strictObject({ state: z.null() }),
});

const KNOWN_VARIABLES = CONFIG_KEYS.map(environmentName);

/** Seconds of `stop_grace_period`, whose default is as long as the worker may take. */
function grace({ stop_grace_period: span = "10s" }: z.infer<typeof service>): number {
  return Number(/^(\d+)s$/.exec(span)?.[1]);
}

const file = compose.parse(Bun.YAML.parse(readFileSync(COMPOSE_FILE, "utf8")));

describe("deploy/compose.cluster.yaml", () => {
  test("has Redis, three workers and nginx, and starts nothing before what it depends on", () => {
    const names = Object.keys(file.services);
    expect(names.toSorted()).toEqual(["nginx", "redis", ...WORKERS]);
    for (const { depends_on: others = [] } of Object.values(file.services)) {
      expect(names).toEqual(expect.arrayContaining(others));
    }
  });

  test("mounts files that exist, read-only", () => {
    const mounts = Object.values(file.services).flatMap(({ volumes = [] }) => volumes);
    expect(mounts.length).toBeGreaterThan(0);
    for (const mount of mounts) {
      const [from = "", , mode] = mount.split(":");
      expect(existsSync(join(dirname(COMPOSE_FILE), from))).toBe(true);
      expect(mode).toBe("ro");
    }
  });

  test("configures workers with keys that exist, and has no secret in it", () => {
    for (const worker of WORKERS) {
      const environment = file.services[worker]?.environment ?? {};
      expect(KNOWN_VARIABLES).toEqual(expect.arrayContaining(Object.keys(environment)));
      expect(environment["WAVELOG_WORKER_WORKER_SECRET"]).toStartWith("$" + "{WORKER_SECRET:?");
    }
  });

  test("configures workers with values that are right, and trusts private addresses alone", () => {
    for (const worker of WORKERS) {
      const environment = file.services[worker]?.environment ?? {};
      const values = Object.entries(environment).map(([name, value]) => [name, String(value)]);
      const env = { ...Object.fromEntries(values), WAVELOG_WORKER_WORKER_SECRET: "x".repeat(32) };
      const loaded = loadConfig({ path: "none.yaml", explicit: false, env });
      const isTrusted = trustedProxyCheck(loaded.ok ? loaded.config.trustedProxies : []);
      const gateways = ["172.17.0.1", "172.18.0.5", "192.168.160.1", "10.89.0.1", "127.0.0.1"];
      expect(gateways.filter(isTrusted)).toEqual(gateways);
      expect(["203.0.113.9", "2001:db8::1"].filter(isTrusted)).toEqual([]);
    }
  });

  test("gives workers the time to stop", () => {
    expect(WORKERS.every((name) => grace(service.parse(file.services[name])) >= 10)).toBe(true);
  });

  test("publishes nothing but nginx, to this machine alone", () => {
    const published = Object.entries(file.services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name)).toEqual(["nginx"]);
    expect(file.services["nginx"]?.ports).toEqual(["127.0.0.1:9000:9000", "127.0.0.1:9001:9001"]);
  });
});

describe("deploy/compose.yaml", () => {
  const { services } = single.parse(
    Bun.YAML.parse(readFileSync(deployFile("compose.yaml"), "utf8")),
  );
  const { environment = {}, volumes, ports, restart } = services.worker;

  test("starts the worker again whatever happens, and gives it the time to stop", () => {
    expect(restart).toBe("always");
    expect(grace(services.worker)).toBe(10);
  });

  test("keeps the state file in a volume, so that a new container finds it", () => {
    const path = environment["WAVELOG_WORKER_STATE_FILE"];
    expect(volumes).toEqual([`state:${dirname(String(path))}`]);
  });

  test("configures it with keys that exist, has no secret in it, and publishes to this machine alone", () => {
    expect(KNOWN_VARIABLES).toEqual(expect.arrayContaining(Object.keys(environment)));
    expect(environment["WAVELOG_WORKER_WORKER_SECRET"]).toStartWith("$" + "{WORKER_SECRET:?");
    expect(ports).toEqual(["127.0.0.1:9000:9000", "127.0.0.1:9001:9001"]);
  });
});

describe("the health check of", () => {
  const { worker } = single.parse(
    Bun.YAML.parse(readFileSync(deployFile("compose.yaml"), "utf8")),
  ).services;
  test.each([
    ["compose.yaml", worker],
    ["compose.cluster.yaml", file["x-worker"]],
  ])(
    "deploy/%s sees a worker that is ready, and one that is not",
    async (_name, { healthcheck }) => {
      const [kind, ...command] = healthcheck?.test ?? [];
      expect(kind).toBe("CMD");
      // Nobody is there.
      const redis_url = `redis://127.0.0.1:${freePorts().ws}/0`;
      await using running = await startWorker({ target: SOURCE_RUN, config: { redis_url } });
      const words = command.map((word) => word.replace("9001", String(running.ports.internal)));
      expect(words).not.toEqual(command);
      const check = async () => (await run(words)).status;
      expect(await check()).toBe(0);
      await running.reload({ ready_requires_redis: true });
      expect(await check()).not.toBe(0);
      await running.stop();
      expect(await check()).not.toBe(0);
    },
  );
});

test("nginx finds nothing wrong with deploy/compose.nginx.conf", async () => {
  using dir = new TempDir();
  const nodes = WORKERS.map((_, index) => ({ ws: 19_100 + index, internal: 19_110 + index }));
  const text = readFileSync(deployFile("compose.nginx.conf"), "utf8");
  const http = adapt(text, composeReplacements(nodes, 19_120, 19_121));
  // Every worker's name was replaced: nginx would look for any other in vain.
  const command = ["env", "PATH=/usr/sbin:/usr/bin:/bin", ...nginxCommand(dir.path, http), "-t"];
  const { status, stderr } = await run(command);
  expect(stderr).not.toContain("[warn]");
  expect({ status, stderr }).toMatchObject({ status: 0 });
});
