import {
  DEFAULT_CONFIG_PATH,
  type LoadOptions,
  type LoadResult,
  loadConfig,
} from "../config/load.ts";
import { RunningConfig } from "../config/reload.ts";
import { type Options, readArguments } from "./arguments.ts";
import { checkReport } from "./check.ts";
import type { CommandName } from "./commands.ts";
import { type CliDeps, FAILED, MISUSED, OK } from "./deps.ts";
import { doctor } from "./doctor/doctor.ts";
import { helpText } from "./help.ts";
import { listen } from "./listen.ts";
import { publish } from "./publish.ts";
import { status } from "./status.ts";
import { makeToken, readTokenRequest } from "./token.ts";

/** Bytes of a new secret: 64 hex digits, as much as the key of HMAC-SHA256 is worth. */
const SECRET_BYTES = 32;

/**
 * The program: turns its arguments into a command and runs it.
 *
 * @param argv The words after the program's name.
 * @returns The exit status: 0 done, 1 failed, 2 the command line makes no sense.
 */
export async function run(argv: readonly string[], deps: CliDeps): Promise<number> {
  const { io } = deps;
  const invocation = readArguments(argv);
  switch (invocation.kind) {
    case "help":
      io.out(helpText(invocation.about));
      return OK;
    case "version":
      io.out(`wavelog_worker ${deps.version()}`);
      return OK;
    case "fault":
      return misused(invocation.message, invocation.about, deps);
    case "command":
      return runCommand(invocation.command, invocation.options, deps);
  }
}

async function runCommand(command: CommandName, options: Options, deps: CliDeps): Promise<number> {
  const { io } = deps;
  switch (command) {
    case "serve":
      return withConfig(options, deps, (loaded) => {
        for (const line of loaded.warnings) {
          io.err(line);
        }
        const running = new RunningConfig(loadOptions(options, deps), loaded);
        const err = (line: string): void => io.err(line);
        return deps.serve(loaded.config, deps.version(), err, () => running.reread());
      });
    case "check":
      return withConfig(options, deps, (loaded) => {
        for (const line of loaded.warnings) {
          io.err(line);
        }
        io.out(checkReport(loaded, deps.cores));
        return OK;
      });
    case "secret":
      io.out(Buffer.from(deps.randomBytes(SECRET_BYTES)).toString("hex"));
      return OK;
    case "token":
    case "listen": {
      const asked = readTokenRequest(options);
      if (!asked.ok) {
        return misused(asked.problem, command, deps);
      }
      const { request } = asked;
      return withConfig(options, deps, ({ config }) => {
        if (command === "listen") {
          return listen(request, options.url, config, deps);
        }
        io.out(makeToken(request, config.workerSecret.reveal(), deps.now()));
        return OK;
      });
    }
    case "publish": {
      const { topic = "", payload = "" } = options;
      return withConfig(options, deps, ({ config }) => publish({ topic, payload }, config, deps));
    }
    case "status": {
      const { url, json = false, watch = false } = options;
      return withConfig(options, deps, ({ config }) => status({ url, json, watch }, config, deps));
    }
    case "doctor":
      return withConfig(options, deps, ({ config }) => doctor(options, config, deps));
  }
}

/** Where the command line says that the configuration is. */
function loadOptions({ config: path }: Options, { env, readFile }: CliDeps): LoadOptions {
  return { path: path ?? DEFAULT_CONFIG_PATH, explicit: path !== undefined, env, readFile };
}

/** Runs what needs a configuration, or says what is wrong with it. */
async function withConfig(
  options: Options,
  deps: CliDeps,
  act: (loaded: Extract<LoadResult, { ok: true }>) => number | Promise<number>,
): Promise<number> {
  const loaded = loadConfig(loadOptions(options, deps));
  if (!loaded.ok) {
    deps.io.err(loaded.message);
    return FAILED;
  }
  return act(loaded);
}

function misused(message: string, about: CommandName | undefined, { io }: CliDeps): number {
  io.err(`wavelog_worker: ${message}\n\n${helpText(about)}`);
  return MISUSED;
}
