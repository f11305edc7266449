/** More gateway threads than this add accept queues nobody fills and memory nobody needs. */
const MAX_AUTO_THREADS = 8;

/**
 * The number of gateway threads to start. `auto` leaves one core to the main thread (internal API),
 * within 1…8.
 *
 * @param cores CPU cores this process may use.
 */
export function resolveGatewayThreads(setting: "auto" | number, cores: number): number {
  return setting === "auto" ? Math.min(Math.max(cores - 1, 1), MAX_AUTO_THREADS) : setting;
}
