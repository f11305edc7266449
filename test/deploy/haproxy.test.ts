import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adapt, workerReplacements } from "../../tools/cluster/adapt.ts";
import { makeCertificate } from "../../tools/cluster/certificate.ts";
import { deployFile } from "../../tools/cluster/places.ts";
import { run } from "../support/program.ts";
import { TempDir } from "../support/temp-dir.ts";
import { type Balancing, balancerSuite } from "./balancer-suite.ts";

/** HAProxy's file for this machine. Whoever runs the tests may not become another user. */
function writeConfig({ directory, nodes, secure, virtual, certificate }: Balancing): string {
  const pair = join(directory, "wavelog.pem");
  writeFileSync(pair, certificate.pem + readFileSync(certificate.keyFile, "utf8"));
  const file = join(directory, "haproxy.cfg");
  const text = adapt(readFileSync(deployFile("haproxy.cfg"), "utf8"), [
    ...workerReplacements(nodes),
    ["bind 10.0.0.10:443", `bind 127.0.0.1:${secure}`],
    ["bind 127.0.0.1:9001", `bind 127.0.0.1:${virtual}`],
    ["/etc/ssl/wavelog.pem", pair],
    // Open files may be limited here.
    ["maxconn 20000", "maxconn 200"],
    ["    user haproxy\n    group haproxy\n", ""],
  ]);
  writeFileSync(file, text);
  return file;
}

balancerSuite(
  "HAProxy with deploy/haproxy.cfg",
  (options) => [...["haproxy", "-db", "-f", writeConfig(options)]],
  true,
);

test("HAProxy finds nothing wrong with deploy/haproxy.cfg, not even a warning", async () => {
  using dir = new TempDir();
  const certificate = await makeCertificate(dir.path);
  const nodes = [1, 2, 3].map((index) => ({ ws: 19_000 + index, internal: 19_010 + index }));
  const options = { directory: dir.path, nodes, secure: 19_020, virtual: 19_021, certificate };
  const checked = await run(["/usr/sbin/haproxy", "-c", "-f", writeConfig(options)]);
  expect(checked.stderr).not.toContain("WARNING");
  expect(checked).toMatchObject({ status: 0 });
});
