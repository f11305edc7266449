/**
 * A span as Go prints a duration of whole seconds: `0s`, `14m22s`, `26h3m0s` (contract, status
 * object).
 *
 * @param seconds Whole or not; fractions are dropped, negative values count as 0.
 */
export function formatUptime(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const rest = total % 60;
  if (hours > 0) {
    return `${hours}h${minutes}m${rest}s`;
  }
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}
