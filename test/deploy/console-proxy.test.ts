/** The operator's page behind a web server, by the lines of docs/console.md as they stand there. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nginxCommand } from "../../tools/cluster/nginx.ts";
import { eventually } from "../support/changes.ts";
import { ConsoleBrowser, type ConsolePage } from "../support/console-page.ts";
import { exchange } from "../support/http.ts";
import { freePorts } from "../support/ports.ts";
import { Program } from "../support/program.ts";
import { ROOT, SOURCE_RUN } from "../support/targets.ts";
import { LOOPBACK } from "../support/tcp-client.ts";
import { TempDir } from "../support/temp-dir.ts";
import { startWorker, type WorkerProcess } from "../support/worker.ts";

setDefaultTimeout(60_000);

const LOCATION = /```nginx\n(location \/push\/ \{[^`]*)```/.exec(
  readFileSync(join(ROOT, "docs", "console.md"), "utf8"),
)?.[1];

/** Looks at the page through nginx with these lines. */
async function through(
  worker: WorkerProcess,
  location: string,
  look: (console: ConsolePage) => Promise<void>,
): Promise<void> {
  using directory = new TempDir();
  const { ws: port } = freePorts();
  const file = `server {\n  listen ${LOOPBACK}:${port};\n${location}}\n`;
  await using scope = new AsyncDisposableStack();
  const nginx = new Program(nginxCommand(directory.path, file), {
    env: { PATH: "/usr/sbin:/usr/bin:/bin" },
  });
  scope.defer(async () => {
    // In order, or its own child would stay.
    nginx.signal("SIGTERM");
    await nginx.exit();
  });
  await eventually(async () => (await exchange(port, { path: "/push/" })).status === 200, "nginx");
  await using browser = await ConsoleBrowser.launch();
  const url = `http://${LOOPBACK}:${port}/push/`;
  await using console = await browser.visit(worker, { url });
  await console.submitSecret(worker.secret);
  await look(console);
}

/** The lines of the documentation for this machine. */
function adapted(worker: WorkerProcess): string {
  if (LOCATION === undefined) {
    throw new Error("docs/console.md has no lines for nginx");
  }
  expect(LOCATION).toContain("allow 192.0.2.0/24;");
  expect(LOCATION).toContain("proxy_pass http://127.0.0.1:9001/;");
  return LOCATION.replace("192.0.2.0/24", LOOPBACK).replace(
    "127.0.0.1:9001",
    `${LOOPBACK}:${worker.ports.internal}`,
  );
}

test("with the lines of the documentation everything works, in a folder of the site", async () => {
  await using worker = await startWorker({ target: SOURCE_RUN });
  await worker.api.register("a", false);
  await through(worker, adapted(worker), async (console) => {
    await console.isLive();
    await console.page.getByRole("button", { name: "Send a test event to a" }).click();
    await console.page.getByRole("button", { name: "Publish test event" }).click();
    await console.reads("#test-result .result-title", "“a” reached 0 browsers.");
    expect(console.faults).toEqual([]);
    expect(console.requests.every((url) => new URL(url).pathname.startsWith("/push/"))).toBe(true);
  });
});

test("without its headers the page says what the proxy has to pass on", async () => {
  await using worker = await startWorker({ target: SOURCE_RUN });
  const bare = adapted(worker).replace(/ *proxy_(?:set_header|http_version) [^\n]*\n/g, "");
  await through(worker, bare, async (console) => {
    await console.reads(
      "#secret-problem",
      /has to pass on the headers Upgrade, Connection and Host/,
      15_000,
    );
  });
});
