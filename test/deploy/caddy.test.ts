import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adapt, workerReplacements } from "../../tools/cluster/adapt.ts";
import { deployFile } from "../../tools/cluster/places.ts";
import { run } from "../support/program.ts";
import { TempDir } from "../support/temp-dir.ts";
import { type Balancing, balancerSuite } from "./balancer-suite.ts";

/** Caddy's file for this machine: no administration port, a certificate of our own, other ports. */
function writeConfig({ directory, nodes, secure, virtual, certificate }: Balancing): string {
  const file = join(directory, "Caddyfile");
  const text = adapt(readFileSync(deployFile("Caddyfile"), "utf8"), [
    ...workerReplacements(nodes),
    [
      "log.example.org {",
      `https://localhost:${secure} {\n\ttls ${certificate.certFile} ${certificate.keyFile}`,
    ],
    ["http://127.0.0.1:9001", `http://127.0.0.1:${virtual}`],
  ]);
  writeFileSync(file, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${text}`);
  return file;
}

balancerSuite(
  "Caddy with deploy/Caddyfile",
  (options) => [
    // What Caddy keeps for itself stays in the directory.
    ...["env", `HOME=${options.directory}`, "caddy", "run", "--adapter", "caddyfile"],
    ...["--config", writeConfig(options)],
  ],
  true,
);

test("Caddy finds nothing wrong with deploy/Caddyfile, not even its format", async () => {
  using dir = new TempDir();
  const env = { HOME: dir.path };
  const file = deployFile("Caddyfile");
  const validated = await run(["caddy", "validate", "--adapter", "caddyfile", "--config", file], {
    env,
  });
  expect(validated.stderr).not.toContain('"level":"warn"');
  expect(validated).toMatchObject({ status: 0 });
  const formatted = await run(["caddy", "fmt", file], { env });
  expect(formatted.stdout.trim()).toBe(readFileSync(file, "utf8").trim());
});
