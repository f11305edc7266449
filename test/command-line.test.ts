import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import packageJson from "../package.json" with { type: "json" };
import { Program, type ProgramOptions, run } from "./support/program.ts";
import { TARGETS } from "./support/targets.ts";
import { TempDir } from "./support/temp-dir.ts";
import { configText, randomSecret, startWorker, type WorkerProcess } from "./support/worker.ts";

setDefaultTimeout(30_000);

for (const target of TARGETS) {
  const command = (args: readonly string[], options?: ProgramOptions) =>
    run([...target.command(), ...args], options);

  /** A running worker, and a configuration file for commands that talk to it. */
  const withWorker = async (
    act: (worker: WorkerProcess, config: readonly string[]) => Promise<void>,
  ): Promise<void> => {
    using dir = new TempDir();
    await using worker = await startWorker({ target });
    const path = dir.file("config.yaml");
    const { ports, secret } = worker;
    const settings = { ws_port: ports.ws, internal_port: ports.internal, worker_secret: secret };
    writeFileSync(path, configText(settings), { mode: 0o600 });
    await act(worker, ["--config", path]);
  };

  describe(`command line (${target.name})`, () => {
    test("tells its version and its help", async () => {
      for (const flag of ["--version", "-v"]) {
        const { status, stdout, stderr } = await command([flag]);
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
        expect(stdout).toStartWith(`wavelog_worker ${packageJson.version}`);
      }
      for (const args of [["--help"], ["-h"], ["help"]]) {
        const { status, stdout, stderr } = await command(args);
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
        for (const word of ["serve", "check", "secret", "token", "--config", "--version"]) {
          expect(stdout).toContain(word);
        }
      }
    });

    test("what makes no sense gets the help and status 2", async () => {
      for (const args of [["nonsense"], ["serve", "--nonsense"], ["serve", "more"], ["token"]]) {
        const { status, stdout, stderr } = await command(args);
        expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
        expect(stderr).toStartWith("wavelog_worker: ");
        expect(stderr).toContain("Usage: wavelog_worker");
      }
    });

    test("makes secrets that are good enough, and never the same", async () => {
      const secrets = new Set<string>();
      for (let count = 0; count < 3; count += 1) {
        const { status, stdout, stderr } = await command(["secret"]);
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
        expect(stdout).toMatch(/^[0-9a-f]{64}$/);
        secrets.add(stdout);
      }
      expect(secrets.size).toBe(3);
    });

    test("checks a configuration without showing the secret, and opens no port", async () => {
      await withWorker(async (worker, config) => {
        const good = await command(["check", ...config]);
        expect({ status: good.status, stderr: good.stderr }).toEqual({ status: 0, stderr: "" });
        expect(good.stdout).toContain(`${worker.ports.ws}`);
        expect(good.stdout).not.toContain(worker.secret);
        const env = { WAVELOG_WORKER_WS_PORT: "0" };
        const bad = await command(["check", ...config], { env });
        expect({ status: bad.status, stdout: bad.stdout }).toEqual({ status: 1, stdout: "" });
        expect(bad.stderr).toContain("WAVELOG_WORKER_WS_PORT");
      });
    });

    test("makes tokens that the worker takes", async () => {
      await withWorker(async (worker, config) => {
        const topic = 'a topic/\u00fc "quoted"';
        await worker.api.register(topic, true);
        const args = ["token", "--topic", topic, "--user", "42", "--ttl", "1h", ...config];
        const { status, stdout, stderr } = await command(args);
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
        using socket = await worker.subscribe(topic, stdout);
        expect(socket.close).toBeUndefined();
        const [connected] = await worker.logged("client connected");
        expect(connected).toMatchObject({ user: 42 });
      });
    });

    test("publishes and listens, registering the topic when it must", async () => {
      await withWorker(async (worker, config) => {
        const listen = [...target.command(), "listen", "--topic", "a", ...config];
        await using listener = new Program(listen);
        await worker.socketsReach(1);
        const payloads = ['{"n":1.0,"s":"\\u00e9\\/"}', "null"];
        for (const payload of payloads) {
          const args = ["publish", "--topic", "a", "--payload", payload, ...config];
          expect(await command(args)).toMatchObject({ status: 0, stderr: "" });
        }
        const args = ["publish", "--topic", "a", "--payload", "-", ...config];
        expect((await command(args, { stdin: '"from a pipe"' })).status).toBe(0);
        await listener.stdout.until((lines) => lines[2], "three events");
        expect(listener.stdout.all).toEqual([...payloads, '"from a pipe"']);
        listener.signal("SIGINT");
        expect(await listener.exit()).toBe(0);
      });
    });

    test("says so when there is no worker", async () => {
      using dir = new TempDir();
      const path = dir.file("config.yaml");
      // Port 1 belongs to a service that nobody runs.
      const settings = { internal_port: 1, worker_secret: randomSecret() };
      writeFileSync(path, configText(settings), { mode: 0o600 });
      const args = ["publish", "--topic", "a", "--payload", "1", "--config", path];
      const { status, stdout, stderr } = await command(args);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(/^[^\n]*127\.0\.0\.1:1[^\n]*$/);
    });
  });
}
