/**
 * Whether Redis' answer says that this server cannot serve a worker now, so that another session
 * must be opened: a replica after a failover, or a server that is still loading.
 */
export function isUseless(fault: Error): boolean {
  return /^(?:READONLY|LOADING|MASTERDOWN)\b/.test(fault.message);
}

/**
 * Whether Redis refuses to write for now, though it can serve otherwise: it is full, or cannot save
 * to its disk. The channel needs neither.
 */
export function refusesWrites(fault: unknown): boolean {
  return fault instanceof Error && /^(?:OOM|MISCONF)\b/.test(fault.message);
}
