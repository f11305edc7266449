/**
 * Whether Redis' answer says that this server cannot serve a worker now, so that another session
 * must be opened: a replica after a failover, or a server that is still loading.
 */
export function isUseless(fault: Error): boolean {
  return /^(?:READONLY|LOADING|MASTERDOWN)\b/.test(fault.message);
}
