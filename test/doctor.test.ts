import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { CHECK_IDS, type CheckId } from "../src/cli/doctor/checks.ts";
import { configuration, SERVERS } from "../src/cli/doctor/front.ts";
import { makeCertificate } from "../tools/cluster/certificate.ts";
import { eventually } from "./support/changes.ts";
import { Certificates } from "./support/cluster-certificates.ts";
import { RedisServer } from "./support/cluster-redis.ts";
import { type Diagnosis, diagnose, startDoctor } from "./support/doctor.ts";
import { freePorts } from "./support/ports.ts";
import { EXECUTABLE_RUN, SOURCE_RUN, type Target } from "./support/targets.ts";
import { LOOPBACK } from "./support/tcp-client.ts";
import { TempDir } from "./support/temp-dir.ts";
import { WebServer } from "./support/web-server.ts";
import { startWorker, type WorkerProcess } from "./support/worker.ts";

setDefaultTimeout(60_000);

/** What is shown when nothing is wrong; the rest depends on machine and address. */
const HEALTHY: readonly CheckId[] = CHECK_IDS.filter(
  (id) => !["tls", "exposed", "idle"].includes(id),
);

/** What is left out after a handshake that failed. */
const AFTER_UPGRADE: readonly CheckId[] = ["token", "origin", "delivery", "stream", "idle"];

let running: WorkerProcess | undefined;

function worker(): WorkerProcess {
  if (running === undefined) {
    throw new Error("the worker has not started");
  }
  return running;
}

beforeAll(async () => {
  running = await startWorker({ target: SOURCE_RUN });
});
afterAll(async () => {
  await running?.[Symbol.asyncDispose]();
});

/** Where the web server is to pass connections on to. */
const place = (prefix: string = "/worker") => ({
  prefix,
  worker: `${LOOPBACK}:${worker().ports.ws}`,
});

/** The doctor's words through a web server on this machine. */
const through = ({ port }: WebServer, ...words: readonly string[]) => ({
  worker: worker(),
  words: ["--url", `ws://localhost:${port}/worker`, ...words],
});

/** nginx's `location` for the worker; lines may be left out or put in. */
function location(changes: {
  readonly without?: RegExp;
  readonly more?: string;
  readonly pass?: string;
}): string {
  const { without = /^$/, more = "", pass } = changes;
  const [first = "", ...lines] = configuration("nginx", place());
  const kept = lines
    .filter((line) => !without.test(line))
    .map((line) => (pass === undefined ? line : line.replace(/proxy_pass .*/, `${pass};`)));
  return [first, more, ...kept].join("\n");
}

/** What the doctor says of nginx with a broken configuration. */
async function throughNginx(site: string, ...words: readonly string[]): Promise<Diagnosis> {
  await using nginx = await WebServer.start("nginx", site);
  return await diagnose(through(nginx, ...words));
}

describe("doctor, where nothing is wrong", () => {
  for (const target of [SOURCE_RUN, EXECUTABLE_RUN]) {
    test(`past the web server (${target.name})`, async () => {
      const { status, ...told } = await diagnose({ worker: worker(), words: ["--quick"], target });
      expect(status).toBe(0);
      expect(told.findings.map(({ id }) => id)).toEqual([...CHECK_IDS]);
      const left = ["exposed", "tls", "origin", "idle"];
      const rest = told.findings.filter(({ id }) => !left.includes(id));
      expect(rest.filter(({ verdict }) => verdict !== "ok")).toEqual([]);
    });
  }

  for (const server of SERVERS) {
    for (const prefix of ["/worker", ""]) {
      const where = prefix === "" ? "without a prefix" : `with the prefix ${prefix}`;
      test(`through ${server} ${where}, as configured by its own advice`, async () => {
        const site = configuration(server, place(prefix)).join("\n");
        await using front = await WebServer.start(server, site);
        const words = ["--url", `ws://localhost:${front.port}${prefix}`, "--quick"];
        const { status, ...told } = await diagnose({ worker: worker(), words });
        expect(told.findings.filter(({ verdict }) => verdict === "problem")).toEqual([]);
        expect(told.findings.filter(({ verdict }) => verdict === "warning")).toEqual([]);
        expect(status).toBe(0);
        const seen = told.findings.filter(({ verdict }) => verdict === "ok").map(({ id }) => id);
        expect(seen).toEqual(expect.arrayContaining([...HEALTHY]));
      });
    }
  }
});

describe("doctor, with a configuration of nginx that is broken", () => {
  test("no upgrade headers", async () => {
    const told = await throughNginx(location({ without: /Upgrade|http_version|upgrade/ }));
    expect(told.status).toBe(1);
    expect(told.with("problem")).toEqual(["upgrade"]);
    expect(told.of("path")).toMatchObject({ verdict: "ok" });
    expect(told.of("upgrade").text).toContain("were lost on the way (HTTP 426)");
    expect(told.of("upgrade").fix.map((line) => line.slice(2))).toEqual([
      " nginx:",
      ...configuration("nginx", place()),
    ]);
    expect(told.with("skipped")).toEqual(expect.arrayContaining([...AFTER_UPGRADE]));
  });

  test("the header Upgrade alone, without Connection", async () => {
    const told = await throughNginx(location({ without: /Connection/ }), "--quick");
    expect(told.with("problem")).toEqual(["upgrade"]);
  });

  test("the prefix is not stripped", async () => {
    const told = await throughNginx(location({ pass: `proxy_pass http://${place().worker}` }));
    expect(told.status).toBe(1);
    expect(told.with("problem")).toEqual(["path"]);
    expect(told.of("path").text).toEndWith("the prefix /worker is not stripped");
    expect(told.of("path").fix.join("\n")).toContain("strips /worker");
  });

  test("the location is missing", async () => {
    const told = await throughNginx("location / { return 404; }");
    expect(told.with("problem")).toEqual(["path"]);
    expect(told.of("path").text).toStartWith("HTTP 404, and not from the worker");
  });

  test("everything is a page of Wavelog's", async () => {
    const told = await throughNginx('location / { return 200 "<html>Wavelog</html>"; }');
    expect(told.of("path").text).toStartWith("HTTP 200, a page");
  });

  test("a redirection", async () => {
    const told = await throughNginx("return 301 https://localhost$request_uri;");
    expect(told.of("path").text).toStartWith(
      "HTTP 301, a redirection to https://localhost/worker/",
    );
  });

  test("a password", async () => {
    const told = await throughNginx(location({ more: "deny all;" }));
    expect(told.of("path").text).toStartWith("HTTP 403, and not from the worker");
  });

  test("another port of the worker's machine", async () => {
    const pass = `proxy_pass http://${LOOPBACK}:${freePorts().ws}/`;
    const told = await throughNginx(location({ pass }));
    expect(told.with("problem")).toEqual(["path"]);
    expect(told.of("path").text).toBe("HTTP 502: the web server does not reach the worker");
    expect(told.of("path").fix.join("\n")).toContain(`it should be at ${place().worker}`);
  });

  test("the internal port, for everybody to reach", async () => {
    const pass = `proxy_pass http://${LOOPBACK}:${worker().ports.internal}/`;
    const told = await throughNginx(location({ pass }));
    expect(told.of("path").text).toContain("the API of PHP is open to the world");
  });

  test("the query is lost", async () => {
    const told = await throughNginx(location({ more: "rewrite ^/worker/ws$ /ws? break;" }));
    expect(told.of("path").text).toContain("the query (?topic=…) was lost");
  });

  test("a time limit that is shorter than the pings' interval", async () => {
    const site = location({ without: /_timeout/, more: "proxy_read_timeout 2s;" });
    const told = await throughNginx(site, "--idle", "40");
    expect(told.status).toBe(1);
    expect(told.with("problem")).toEqual(["idle"]);
    expect(told.of("idle").text).toMatch(
      /^closed after (?:1\.[5-9]|2\.\d) s of silence, not by the worker/,
    );
    expect(told.of("idle").fix.join("\n")).toContain("proxy_read_timeout 3600s;");
  });

  test("bodies of PHP's that are limited too much", async () => {
    const { internal } = worker().ports;
    const proxy = `location / { proxy_pass http://${LOOPBACK}:${internal}; client_max_body_size 100k; }`;
    await using nginx = await WebServer.start("nginx", proxy);
    const words = ["--quick", "--internal", `http://${LOOPBACK}:${nginx.port}`];
    const told = await diagnose({ worker: worker(), words });
    expect(told.with("problem")).toEqual(["stream"]);
    expect(told.of("stream").fix.join("\n")).toContain("client_max_body_size");
  });

  test("plain HTTP where the address says TLS, and the other way round", async () => {
    await using nginx = await WebServer.start("nginx", location({}));
    const words = ["--quick", "--url", `wss://localhost:${nginx.port}/worker`];
    const told = await diagnose({ worker: worker(), words });
    expect(told.with("problem")).toEqual(["tls"]);
    expect(told.of("tls").text).toBe(`port ${nginx.port} speaks no TLS`);

    using dir = new TempDir();
    const { certFile, keyFile } = await makeCertificate(dir.path);
    const pair = `ssl_certificate ${certFile};\nssl_certificate_key ${keyFile};\n`;
    await using secure = await WebServer.start("nginx", pair + location({}), "ssl");
    const plain = await diagnose(through(secure, "--quick"));
    expect(plain.of("path").text).toBe("HTTP 400: this port speaks TLS");
  });
});

describe("doctor, with other web servers that are configured wrongly", () => {
  test("Apache that does not pass the upgrade on", async () => {
    const site = `ProxyPass "/worker/" "http://${place().worker}/"`;
    await using apache = await WebServer.start("Apache", site);
    const told = await diagnose(through(apache, "--quick"));
    expect(told.with("problem")).toEqual(["upgrade"]);
    expect(told.of("upgrade").fix[0]).toBe("in Apache:");
    expect(told.of("upgrade").fix.join()).toContain("upgrade=websocket");
  });

  test("Caddy with another port", async () => {
    const nobody = { prefix: "/worker", worker: `${LOOPBACK}:${freePorts().ws}` };
    const site = configuration("Caddy", nobody).join("\n");
    await using caddy = await WebServer.start("Caddy", site);
    const told = await diagnose(through(caddy, "--quick"));
    expect(told.with("problem")).toEqual(["path"]);
    expect(told.of("path").text).toBe("HTTP 502: the web server does not reach the worker");
    expect(told.of("path").fix).toContain("in Caddy:");
  });

  test("HAProxy with another port, and with a time limit that is too short", async () => {
    const nobody = { prefix: "/worker", worker: `${LOOPBACK}:${freePorts().ws}` };
    const site = configuration("HAProxy", nobody).join("\n");
    await using broken = await WebServer.start("HAProxy", site);
    const told = await diagnose(through(broken, "--quick"));
    expect(told.of("path").text).toBe("HTTP 503: the web server does not reach the worker");
    expect(told.of("path").fix).toContain("in HAProxy:");

    const right = configuration("HAProxy", place()).join("\n");
    const hasty = right.replace("timeout tunnel 3600s", "timeout tunnel 2s");
    await using impatient = await WebServer.start("HAProxy", hasty);
    const closed = await diagnose(through(impatient, "--idle", "40"));
    expect(closed.with("problem")).toEqual(["idle"]);
    // It does not tell its name once a connection is upgraded.
    expect(closed.of("idle").fix).toContain("  HAProxy: timeout tunnel 3600s");
  });
});

describe("doctor, with certificates", () => {
  /** nginx with TLS, as the doctor sees it. */
  async function withCertificate(
    files: { readonly certificate: string; readonly key: string },
    env: Readonly<Record<string, string>> = {},
    target: Target = SOURCE_RUN,
  ): Promise<Diagnosis> {
    const pair = `ssl_certificate ${files.certificate};\nssl_certificate_key ${files.key};\n`;
    await using nginx = await WebServer.start("nginx", pair + location({}), "ssl");
    const words = ["--quick", "--url", `wss://localhost:${nginx.port}/worker`];
    return await diagnose({ worker: worker(), words, env, target });
  }

  for (const target of [SOURCE_RUN, EXECUTABLE_RUN]) {
    test(`one that browsers take, of an authority that is known here (${target.name})`, async () => {
      using certificates = await Certificates.make("DNS:localhost");
      const env = { NODE_EXTRA_CA_CERTS: certificates.authority };
      const told = await withCertificate(certificates, env, target);
      expect(told.status).toBe(0);
      // It is made for two days.
      expect(told.of("tls")).toMatchObject({ verdict: "warning" });
      expect(told.of("tls").text).toStartWith("the certificate ends in 1 days");
      expect(told.of("origin").text).toMatch(/^pages of https:\/\/localhost:\d+ are let in$/);
    });
  }

  test("one for another name", async () => {
    using certificates = await Certificates.make("DNS:other.example.org");
    const { authority } = certificates;
    const told = await withCertificate(certificates, { NODE_EXTRA_CA_CERTS: authority });
    expect(told.status).toBe(1);
    expect(told.with("problem")).toEqual(["tls"]);
    expect(told.of("tls").text).toBe(
      "the certificate is not for localhost but for DNS:other.example.org",
    );
    // What is behind it is looked at all the same.
    expect(told.of("delivery")).toMatchObject({ verdict: "ok" });
  });

  test("one of an unknown authority, without its chain", async () => {
    using certificates = await Certificates.make("DNS:localhost");
    const told = await withCertificate(certificates);
    expect(told.with("problem")).toEqual(["tls"]);
    expect(told.of("tls").fix.join("\n")).toContain("fullchain.pem");
  });

  test("one that signed itself", async () => {
    using dir = new TempDir();
    const { certFile, keyFile } = await makeCertificate(dir.path);
    const told = await withCertificate({ certificate: certFile, key: keyFile });
    expect(told.with("problem")).toEqual(["tls"]);
    expect(told.of("tls").text).toContain("DEPTH_ZERO_SELF_SIGNED_CERT");
  });

  test("one that has ended", async () => {
    using certificates = await Certificates.make("DNS:localhost", -1);
    const { authority } = certificates;
    const told = await withCertificate(certificates, { NODE_EXTRA_CA_CERTS: authority });
    expect(told.with("problem")).toEqual(["tls"]);
    expect(told.of("tls").text).toMatch(/^the certificate ended on \d{4}-\d\d-\d\d$/);
  });
});

describe("doctor, where the worker or what it needs is wrong", () => {
  test("no web server", async () => {
    const { ws } = freePorts();
    const words = ["--quick", "--url", `ws://localhost:${ws}/worker`];
    const told = await diagnose({ worker: worker(), words });
    expect(told.with("problem")).toEqual(["port"]);
    expect(told.of("port").text).toBe(`localhost:${ws} refuses connections: nothing listens there`);
  });

  test("a name that nobody knows", async () => {
    const words = ["--quick", "--url", "ws://wavelog.invalid/worker"];
    const told = await diagnose({ worker: worker(), words });
    expect(told.with("problem")).toEqual(["name"]);
  });

  test("no internal API: the way of browsers is looked at as far as it goes", async () => {
    await using nginx = await WebServer.start("nginx", location({}));
    const call = through(nginx, "--quick");
    const told = await diagnose({ ...call, config: { internal_port: freePorts().internal } });
    expect(told.with("problem")).toEqual(["internal"]);
    expect(told.of("internal").text).toContain("connection refused");
    expect(told.of("token")).toMatchObject({ verdict: "ok" });
    expect(told.of("delivery")).toMatchObject({ verdict: "skipped" });
  });

  test("another secret", async () => {
    const config = { worker_secret: "another secret, which is long enough" };
    const told = await diagnose({ worker: worker(), words: ["--quick"], config });
    expect(told.with("problem")).toEqual(["secret", "token"]);
    expect(told.of("internal")).toMatchObject({ verdict: "ok" });
  });

  test("an origin that is not allowed, and one that is", async () => {
    const config = { allowed_origins: ["https://log.example.org"] };
    await using strict = await startWorker({ target: SOURCE_RUN, config });
    const ask = (origin: string) =>
      diagnose({ worker: strict, words: ["--quick", "--origin", origin] });
    const refused = await ask("https://other.example.org");
    expect(refused.with("problem")).toEqual(["tls", "origin"]);
    expect(refused.of("origin").fix.join()).toContain('"https://other.example.org"');
    const plain = await ask("http://other.example.org");
    expect(plain.with("problem")).toEqual(["origin"]);
    const allowed = await ask("https://log.example.org");
    expect(allowed.of("origin")).toMatchObject({ verdict: "ok" });
  });

  test("PHP and browsers at two workers that do not know of each other", async () => {
    await using other = await startWorker({ target: SOURCE_RUN, secret: worker().secret });
    const words = ["--quick", "--url", `ws://${LOOPBACK}:${other.ports.ws}`];
    const told = await diagnose({ worker: worker(), words });
    expect(told.with("problem")).toEqual(["delivery"]);
    expect(told.of("delivery").text).toStartWith("a topic that was registered at port");
    expect(told.of("token")).toMatchObject({ verdict: "ok" });
  });

  test("Redis: proved, and out of reach", async () => {
    await using redis = await RedisServer.start();
    const config = { redis_url: redis.url };
    await using node = await startWorker({ target: SOURCE_RUN, config });
    await eventually(async () => {
      const { status, ...told } = await diagnose({ worker: node, words: ["--quick"], config });
      return told.findings.find(({ id, verdict }) => id === "redis" && verdict === "ok");
    }, "the path through Redis to be proved");
    await redis.kill();
    const told = await eventually(async () => {
      const seen = await diagnose({ worker: node, words: ["--quick"], config });
      return seen.with("problem").includes("redis") ? seen : undefined;
    }, "the doctor to see that Redis is away");
    expect(told.with("problem")).toEqual(["redis"]);
    expect(told.of("redis").fix[0]).toBe(
      `from here redis://127.0.0.1:${redis.port}/0 refuses connections: nothing listens there`,
    );
  });

  test("Redis in the configuration, but not in the worker that runs", async () => {
    const config = { redis_url: "redis://127.0.0.1:6379/0" };
    const told = await diagnose({ worker: worker(), words: ["--quick"], config });
    expect(told.with("problem")).toEqual(["redis"]);
  });
});

describe("doctor", () => {
  test("leaves no topic behind, also when it is interrupted", async () => {
    using dir = new TempDir();
    const before = (await worker().api.status()).registered_topics;
    await using program = startDoctor({ worker: worker() }, dir);
    await program.stdout.until(
      (lines) => lines.find((line) => line.includes("stream")),
      "the doctor to be silent",
    );
    expect((await worker().api.status()).registered_topics).toBe(before + 1);
    program.signal("SIGINT");
    expect(await program.exit()).toBe(1);
    expect(program.stderr.text).toBe("interrupted");
    expect((await worker().api.status()).registered_topics).toBe(before);
  });

  test("writes for people in lines that say how to mend it, without colours in a pipe", async () => {
    using dir = new TempDir();
    const config = { worker_secret: "another secret, which is long enough" };
    await using program = startDoctor({ worker: worker(), words: ["--quick"], config }, dir);
    expect(await program.exit()).toBe(1);
    const text = program.stdout.text;
    expect(text).toContain("\nPROBLEM  secret    the worker at http://127.0.0.1:");
    expect(text).toContain("\n                   → worker_secret must be the same text");
    expect(text).toContain("\n2 problems, ");
    expect(text).not.toContain("\u001b");
    expect(text).not.toContain("another secret");
  });
});
