import { join } from "node:path";
import { run } from "./program.ts";
import { ROOT } from "./targets.ts";
import { LOOPBACK } from "./tcp-client.ts";

const SCRIPTS = join(ROOT, "test", "php");

/** One HTTP call of the PHP client. */
export interface PhpCall {
  readonly path: string;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly body: string | null;
  /** What curl says, when the call failed. */
  readonly error: string;
  readonly ms: number;
}

/** Runs one of the PHP scripts, and returns what it prints. */
export async function php(script: string, args: readonly string[] = [], stdin?: string) {
  const command = ["php", join(SCRIPTS, script), ...args];
  const { status, stdout, stderr } = await run(command, stdin === undefined ? {} : { stdin });
  if (status !== 0 || stderr !== "") {
    throw new Error(`${script} ended with ${status}: ${stderr} ${stdout}`);
  }
  return stdout;
}

/** Wavelog's side, played by real PHP: a new process for every action, as for every web request. */
export class PhpClient {
  readonly #url: string;
  readonly #secret: string;

  constructor(port: number, secret: string) {
    this.#url = `http://${LOOPBACK}:${port}`;
    this.#secret = secret;
  }

  register(topic: string, requireToken: boolean): Promise<readonly PhpCall[]> {
    return this.#calls(["register", topic, requireToken ? "1" : "0"]);
  }

  unregister(topic: string): Promise<readonly PhpCall[]> {
    return this.#calls(["unregister", topic]);
  }

  /** Publishes a payload given as JSON text. */
  publish(topic: string, payload: string, expectContinue = false): Promise<readonly PhpCall[]> {
    return this.#calls(["publish", topic, expectContinue ? "1" : "0"], payload);
  }

  /** Publishes; when told that the topic is unknown, registers it and publishes once more. */
  deliver(topic: string, requireToken: boolean, payload: string): Promise<readonly PhpCall[]> {
    return this.#calls(["deliver", topic, requireToken ? "1" : "0"], payload);
  }

  status(withTopics = false): Promise<readonly PhpCall[]> {
    return this.#calls(["status", ...(withTopics ? ["topics"] : [])]);
  }

  /** One process that asks for the status and publishes, in turn, as many times. */
  routine(topic: string, count: number): Promise<readonly PhpCall[]> {
    return this.#calls(["routine", topic, `${count}`]);
  }

  async token(topic: string, userId: number, ttlSeconds: number): Promise<string> {
    const text = await this.#run(["token", topic, `${userId}`, `${ttlSeconds}`]);
    return (JSON.parse(text) as { token: string }).token;
  }

  async #calls(args: readonly string[], stdin?: string): Promise<readonly PhpCall[]> {
    const text = await this.#run(args, stdin);
    return (JSON.parse(text) as { calls: readonly PhpCall[] }).calls;
  }

  #run(args: readonly string[], stdin?: string): Promise<string> {
    return php("client.php", [this.#url, this.#secret, ...args], stdin);
  }
}
