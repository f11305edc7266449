import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Place } from "./contender.ts";
import { run } from "./run.ts";

/** Where the servers that run on Node are, and their packages. */
export const PEERS = join(import.meta.dir, "..", "peers");
const MODULES = join(PEERS, "node_modules");
/** Only the owner may read a file with a secret in it. */
const SETTINGS_MODE = 0o600;
/** As Node's own guide and every framework for it say. */
const ENVIRONMENT = { NODE_ENV: "production" };

const manifest = z.object({ version: z.string() });

function node(): string {
  const program = Bun.which("node");
  if (program === null) throw new Error("no node: apt-get install nodejs");
  return program;
}

/** What is missing to run a server on Node, or undefined. */
export async function missingForNode(packageName: string): Promise<string | undefined> {
  if (Bun.which("node") === null) return "no node: apt-get install nodejs";
  const file = Bun.file(join(MODULES, packageName, "package.json"));
  return (await file.exists()) ? undefined : "not installed: npm ci --prefix bench/peers";
}

/** Node itself and the packages named, as far as they are installed. */
export function shippedOnNode(packageNames: readonly string[]): string[] {
  return [node(), ...packageNames.map((name) => join(MODULES, name))];
}

/** "8.23.0, Node v20.20.2". Throws when the package is not installed. */
export async function versionOnNode(packageName: string): Promise<string> {
  const text = await Bun.file(join(MODULES, packageName, "package.json")).text();
  const { version } = manifest.parse(JSON.parse(text));
  return `${version}, Node ${(await run([node(), "--version"])).replace(/^v/, "")}`;
}

/** Writes what a server of ours must know, and tells how to start it. */
export async function onNode(place: Place, server: string) {
  const { wsPort, httpPort, secret, redisUrl, directory } = place;
  const settings = join(directory, `${server}.json`);
  const text = JSON.stringify({ wsPort, httpPort, secret, redisUrl });
  await writeFile(settings, text, { mode: SETTINGS_MODE });
  return {
    command: [node(), join(PEERS, `${server}.mjs`), settings],
    environment: ENVIRONMENT,
  };
}
