import { availableParallelism } from "node:os";
import { resolveGatewayThreads } from "./config/gateway-threads.ts";
import type { Config } from "./config/schema.ts";
import { openLog } from "./observability/log.ts";
import { StartError, startWorker } from "./worker.ts";

/**
 * How long a stop may take before the process ends anyway, in milliseconds: below the 10 s that
 * Docker waits before it kills.
 */
const STOP_DEADLINE_MS = 9000;

/**
 * Runs a worker in this process until a signal stops it.
 *
 * @param err Writes a line to standard error: why the worker could not start, for people.
 * @returns The exit status: 0 after SIGTERM or SIGINT, 1 when it could not start, when a part of it
 *   failed, or at a second signal.
 */
export async function serve(
  config: Config,
  version: string,
  err: (line: string) => void,
): Promise<number> {
  const { logger, flush } = openLog({
    format: config.logFormat,
    level: config.logLevel,
    isTty: process.stdout.isTTY === true,
  });
  const exit = Promise.withResolvers<number>();
  const fail = (fault: Error): void => {
    logger.fatal({ err: fault }, "a part of the worker has failed: exiting to be restarted");
    exit.resolve(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", (fault) => fail(new Error("unhandled", { cause: fault })));

  try {
    const worker = await startWorker({ config, version, logger, onFault: fail });
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
    let isStopping = false;
    const stop = async (signal: NodeJS.Signals): Promise<void> => {
      if (isStopping) {
        logger.warn({ signal }, "second signal: exiting at once");
        exit.resolve(1);
        return;
      }
      isStopping = true;
      logger.info({ signal }, "stopping");
      const deadline = setTimeout(() => {
        logger.warn("stop took too long: exiting");
        exit.resolve(0);
      }, STOP_DEADLINE_MS);
      await worker.stop();
      clearTimeout(deadline);
      logger.info("stopped");
      exit.resolve(0);
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  } catch (fault) {
    if (!(fault instanceof StartError)) {
      throw fault;
    }
    err(`wavelog_worker: ${fault.message}`);
    exit.resolve(1);
  }
  const status = await exit.promise;
  flush();
  return status;
}

function address(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
