import { availableParallelism } from "node:os";
import { isatty } from "node:tty";
import type { Logger } from "pino";
import { resolveGatewayThreads } from "./config/gateway-threads.ts";
import type { Reread } from "./config/reload.ts";
import type { Config } from "./config/schema.ts";
import { openLog } from "./observability/log.ts";
import { type RunningWorker, StartError, startWorker } from "./worker.ts";

/**
 * How long a stop may take before the process ends anyway, in milliseconds, beside `drain_time`:
 * with the 5 s of `auto` below the 10 s that Docker waits before it kills.
 */
const STOP_DEADLINE_MS = 4000;
const AUTO_DRAIN_MS = 5000;

const STDOUT = 1;

/**
 * Within this time after the first, a signal is the same one again, in milliseconds: `timeout` and
 * `make` hand on what the whole group has been sent already.
 */
const ECHO_MS = 250;

/**
 * Runs a worker in this process until a signal stops it.
 *
 * @param err Writes a line to standard error: why the worker could not start, for people.
 * @param reread Reads the configuration again, at SIGHUP.
 * @returns The exit status: 0 after SIGTERM or SIGINT, 1 when it could not start, when a part of it
 *   failed, or at a second signal.
 */
export async function serve(
  config: Config,
  version: string,
  err: (line: string) => void,
  reread: () => Reread,
): Promise<number> {
  const log = openLog({
    format: config.logFormat,
    level: config.logLevel,
    isTty: process.stdout.isTTY === true,
  });
  const { logger } = log;
  const exit = Promise.withResolvers<number>();
  const fail = (fault: Error): void => {
    logger.fatal({ err: fault }, "a part of the worker has failed: exiting to be restarted");
    exit.resolve(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", (fault) => fail(new Error("unhandled", { cause: fault })));

  // From the first moment on: a signal that comes while the worker starts stops it right after.
  const stopping = Promise.withResolvers<void>();
  let isStopping = false;
  let stoppedAt = 0;
  let running: RunningWorker | undefined;
  let { drainTime } = config;
  const stop = (reason: object): void => {
    isStopping = true;
    stoppedAt = performance.now();
    logger.info(reason, "stopping");
    const drainMs = drainTime === "auto" ? AUTO_DRAIN_MS : drainTime * 1000;
    setTimeout(() => {
      logger.warn("stop took too long: exiting");
      exit.resolve(0);
    }, drainMs + STOP_DEADLINE_MS);
    stopping.resolve();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!isStopping) {
      stop({ signal });
    } else if (performance.now() - stoppedAt > ECHO_MS) {
      logger.warn({ signal }, "second signal: exiting at once");
      exit.resolve(1);
    }
  };
  const onDrain = (): void => {
    if (!isStopping) {
      stop({ request: "POST /internal/drain" });
    }
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);

  let isReloadDue = false;
  const reload = (): void => {
    // What has not started yet reloads when it has; what stops needs no configuration.
    isReloadDue = running === undefined;
    if (running !== undefined && !isStopping) {
      const result = reread();
      drainTime = result.ok ? result.config.drainTime : drainTime;
      reloadWorker(running, result, logger);
    }
  };
  process.on("SIGHUP", (signal) => {
    // The same signal says that the terminal has gone in which somebody has started this by hand.
    if (process.stdout.isTTY && !isatty(STDOUT)) {
      onSignal(signal);
    } else {
      reload();
    }
  });

  const run = async (): Promise<number> => {
    const worker = await startWorker({ config, version, logger, onDrain, onFault: fail });
    running = worker;
    logger.info(
      {
        version,
        ws: address(config.wsBind, config.wsPort),
        internal: address(config.internalBind, config.internalPort),
        threads: resolveGatewayThreads(config.gatewayThreads, availableParallelism()),
        mode: config.redisAddress === "" ? "single instance" : "cluster",
        ...(config.redisAddress === "" ? {} : { redis: config.redisAddress }),
      },
      "wavelog worker started",
    );
    if (isReloadDue) {
      reload();
    }
    await stopping.promise;
    await worker.stop();
    logger.info("stopped");
    return 0;
  };
  const runOrSay = async (): Promise<number> => {
    try {
      return await run();
    } catch (fault) {
      if (!(fault instanceof StartError)) {
        throw fault;
      }
      err(`wavelog_worker: ${fault.message}`);
      return 1;
    }
  };
  const status = await Promise.race([runOrSay(), exit.promise]);
  await log.close();
  return status;
}

/** Takes over what can change while running, and tells what has become of each change. */
function reloadWorker(worker: RunningWorker, reread: Reread, logger: Logger): void {
  if (!reread.ok) {
    logger.error(`configuration not reloaded, everything stays as it was: ${reread.message}`);
    return;
  }
  const { config, applied, pending } = reread;
  logger.level = config.logLevel;
  worker.reload(config);
  if (applied.length > 0) {
    logger.info(`configuration reloaded; applied: ${applied.join(", ")}`);
  }
  if (pending.length > 0) {
    logger.warn(`configuration reloaded; restart to apply: ${pending.join(", ")}`);
  }
  if (applied.length + pending.length === 0) {
    logger.info("configuration reloaded; nothing has changed");
  }
}

function address(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
