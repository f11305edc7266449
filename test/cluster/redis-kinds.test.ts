import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { Certificates } from "../support/cluster-certificates.ts";
import { Ledger, report } from "../support/cluster-ledger.ts";
import { hasJoined, LOG, Nodes, nodeStatus } from "../support/cluster-nodes.ts";
import { freePort, RedisServer, type RedisServerOptions } from "../support/cluster-redis.ts";
import { testBesideOthers } from "../support/cluster-slots.ts";
import { LOOPBACK } from "../support/tcp-client.ts";
import { TempDir } from "../support/temp-dir.ts";

/** Not what it looks like in a URL. */
const PASSWORD = "s3cret:w@rd/%?#";
const ENCODED = encodeURIComponent(PASSWORD);

interface Kind {
  readonly url: (port: number) => string;
  /** What the log says instead of the URL. */
  readonly masked: (port: number) => string;
  readonly server?: RedisServerOptions;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Database in which the keys are. */
  readonly database?: number;
}

/** Two nodes on such a Redis are one, also after it has been restarted, and tell no secrets. */
async function expectCluster(what: string, kind: Kind): Promise<void> {
  const { url, masked, server, config = {}, database = 0 } = kind;
  await using redis = await RedisServer.start(server);
  await using nodes = await Nodes.start({ redis: url(redis.port), count: 2, config });
  const topic = await nodes.newTopic();
  using ledger = new Ledger({ nodes, topic });
  for (const [number, worker] of nodes.all.entries()) {
    await ledger.listen(number, 1);
    ledger.addLanes(1, () => worker);
  }
  await ledger.burst(20);
  using client = await redis.client();
  await client.do("SELECT", database);
  expect(await client.do("EXISTS", `wavelog:topic:${topic}`, "wavelog:log")).toBe(2);

  await redis.stop();
  await ledger.burst(20);
  await redis.start();
  await nodes.areUp();
  await ledger.burst(20);
  const verdict = await ledger.close();
  report(what, verdict);
  expect(verdict).toMatchObject({ refused: [], lost: 0, doubled: 0, disordered: 0 });

  for (const worker of nodes.all) {
    const [started] = await worker.logged("wavelog worker started");
    expect(started).toMatchObject({ mode: "cluster", redis: masked(redis.port) });
    const output = worker.stdout.text + worker.stderr.text;
    expect(output).not.toContain(PASSWORD);
    expect(output).not.toContain(ENCODED);
    expect(output).not.toContain("s3cret");
    const cluster = await worker.api.get("/internal/cluster");
    const status = await worker.api.get("/internal/status?topics=1");
    expect(cluster.body + status.body).not.toContain("s3cret");
  }
}

testBesideOthers("a password", async () => {
  await expectCluster("requirepass", {
    url: (port) => `redis://:${ENCODED}@${LOOPBACK}:${port}/0`,
    masked: (port) => `redis://[secret]@${LOOPBACK}:${port}/0`,
    server: { args: ["--requirepass", PASSWORD], address: { password: PASSWORD } },
  });
});

testBesideOthers("a user who may do no more than needed, and a database of its own", async () => {
  // INFO is left out on purpose: a managed Redis may forbid it.
  const commands = "+get +set +del +exists +pttl +mget +scan +select +time +ping";
  const streams = "+xadd +xrange +xtrim +pexpire";
  const channel = "+publish +subscribe +unsubscribe +pubsub|numsub";
  const rights = `~wavelog:* &wavelog:events -@all ${commands} ${streams} ${channel}`.split(" ");
  await expectCluster("ACL user", {
    url: (port) => `redis://wave%3Alog:${ENCODED}@${LOOPBACK}:${port}/5`,
    masked: (port) => `redis://[secret]@${LOOPBACK}:${port}/5`,
    server: { args: ["--user", "wave:log", "on", `>${PASSWORD}`, ...rights] },
    database: 5,
  });
});

testBesideOthers("TLS, with a certificate of an authority of one's own", async () => {
  using certificates = await Certificates.make();
  const { certificate, key, authority, ca } = certificates;
  const tlsPort = freePort();
  await expectCluster("TLS", {
    url: () => `rediss://:${ENCODED}@${LOOPBACK}:${tlsPort}`,
    masked: () => `rediss://[secret]@${LOOPBACK}:${tlsPort}`,
    server: {
      args: [
        ...["--tls-port", String(tlsPort), "--tls-cert-file", certificate],
        ...["--tls-key-file", key, "--tls-ca-cert-file", authority, "--tls-auth-clients", "no"],
        ...["--requirepass", PASSWORD],
      ],
      address: { port: tlsPort, password: PASSWORD, ca },
    },
    config: { redis_ca_file: authority },
  });
});

testBesideOthers("a Unix socket", async () => {
  using dir = new TempDir();
  const path = dir.file("redis.sock");
  await expectCluster("Unix socket", {
    url: () => `unix://${path}?db=3&password=${ENCODED}`,
    masked: () => `unix://[secret]@${path}?db=3`,
    server: {
      args: ["--unixsocket", path, "--requirepass", PASSWORD],
      address: { path, password: PASSWORD },
    },
    database: 3,
  });
  expect(existsSync(dir.path)).toBe(true);
});

testBesideOthers("a wrong password: alone, with the reason and without the password", async () => {
  await using redis = await RedisServer.start({
    args: ["--requirepass", PASSWORD],
    address: { password: PASSWORD },
  });
  await using nodes = await Nodes.start({
    redis: `redis://:wr0ng-password@${LOOPBACK}:${redis.port}`,
    count: 1,
    waitsUntilUp: false,
  });
  const worker = nodes.at(0);
  const [told] = worker.log.filter(({ msg }) => msg.startsWith(LOG.unavailable));
  expect(told?.msg).toContain("WRONGPASS");
  expect(await nodeStatus(worker)).toMatchObject({ redis: "down", cluster_nodes: -1 });
  expect(worker.stdout.text + worker.stderr.text).not.toContain("wr0ng-password");
  // Corrected on the server: joins without a restart.
  await redis.once("CONFIG", "SET", "requirepass", "wr0ng-password");
  await hasJoined(worker, 1);
  expect(worker.stdout.text + worker.stderr.text).not.toContain("wr0ng-password");
});

testBesideOthers("no password where one is needed: alone, with the reason", async () => {
  await using redis = await RedisServer.start({
    args: ["--requirepass", PASSWORD],
    address: { password: PASSWORD },
  });
  await using nodes = await Nodes.start({ redis: redis.url, count: 1, waitsUntilUp: false });
  const [told] = nodes.at(0).log.filter(({ msg }) => msg.startsWith(LOG.unavailable));
  expect(told?.msg).toContain("NOAUTH");
});

testBesideOthers(
  "a certificate of a stranger, or for another name: alone, with the reason",
  async () => {
    using ours = await Certificates.make();
    using strangers = await Certificates.make();
    using elsewhere = await Certificates.make("DNS:redis.example.org");
    for (const [server, trusted] of [
      [strangers, ours],
      [elsewhere, elsewhere],
    ] as const) {
      const tlsPort = freePort();
      await using _redis = await RedisServer.start({
        args: [
          ...["--tls-port", String(tlsPort), "--tls-cert-file", server.certificate],
          ...["--tls-key-file", server.key, "--tls-ca-cert-file", server.authority],
          ...["--tls-auth-clients", "no"],
        ],
      });
      await using nodes = await Nodes.start({
        redis: `rediss://${LOOPBACK}:${tlsPort}`,
        count: 1,
        config: { redis_ca_file: trusted.authority },
        waitsUntilUp: false,
      });
      const worker = nodes.at(0);
      const [told] = worker.log.filter(({ msg }) => msg.startsWith(LOG.unavailable));
      expect(told?.msg.slice(LOG.unavailable.length)).toMatch(/certificate|altname|ERR_TLS/i);
      expect((await nodeStatus(worker)).redis).toBe("down");
    }
  },
);
