import { REFUSAL_CAUSES, type RefusalCause, type RefusalCounts } from "../protocol/socket-event.ts";

/** How many sockets may be held at once, over all gateway threads. */
export interface ConnectionLimits {
  /** Sockets of any state, from their request on. */
  readonly connections: number;
  /** The same of one client address; 0 for no limit. */
  readonly connectionsPerIp: number;
  /** Sockets that are not yet subscribed, from their request on. */
  readonly pending: number;
  /** The same of one client address; 0 for no limit. */
  readonly pendingPerIp: number;
}

/**
 * What all gateway threads count in: plain shared memory, so that a limit holds for the process
 * and a thread asks nobody.
 */
export interface AdmissionMemory {
  /** `Int32`: connections, pending. */
  readonly totals: SharedArrayBuffer;
  /** `Int32`: connections and pending of each slot of addresses. */
  readonly byAddress: SharedArrayBuffer;
  /** `BigInt64`: refusals, in the order of {@link REFUSAL_CAUSES}. */
  readonly refusals: SharedArrayBuffer;
  /** Random, new with each start: nobody outside can know which addresses share a slot. */
  readonly seed: number;
}

/** A limit that was reached. */
export type Limit = Extract<RefusalCause, `max_${string}`>;

/**
 * What a socket holds of the counts: an integer, so that it costs a session nothing. 0 holds
 * nothing; otherwise the bits below, and the slot of its address, counted from 1, above them.
 */
export type Ticket = number;

export const NO_TICKET: Ticket = 0;

const CONNECTED = 1;
const PENDING = 2;
const SLOT_SHIFT = 2;

/**
 * Slots for addresses. Two addresses in one slot share its limits: with 18,000 browsers, each from
 * an address of its own, some 7 % share with one other, which limits of dozens don't notice. Memory
 * that no address has fallen on is never touched, so the table costs what is used of it, 2 MiB at
 * most.
 */
const SLOTS = 2 ** 18;

const TOTAL_CONNECTIONS = 0;
const TOTAL_PENDING = 1;
const TOTALS = 2;

/** Makes the memory for one process. */
export function admissionMemory(seed: number): AdmissionMemory {
  return {
    totals: new SharedArrayBuffer(TOTALS * Int32Array.BYTES_PER_ELEMENT),
    byAddress: new SharedArrayBuffer(SLOTS * TOTALS * Int32Array.BYTES_PER_ELEMENT),
    refusals: new SharedArrayBuffer(REFUSAL_CAUSES.length * BigInt64Array.BYTES_PER_ELEMENT),
    seed,
  };
}

/**
 * Counts sockets and refusals over all threads, and says who may come in. Each socket has a
 * {@link Ticket}; every method returns what the ticket holds afterwards, so what is given back
 * cannot be given back again.
 */
export class Admission {
  readonly #totals: Int32Array;
  readonly #byAddress: Int32Array;
  readonly #refusals: BigInt64Array;
  readonly #seed: number;

  constructor(memory: AdmissionMemory) {
    this.#totals = new Int32Array(memory.totals);
    this.#byAddress = new Int32Array(memory.byAddress);
    this.#refusals = new BigInt64Array(memory.refusals);
    this.#seed = memory.seed;
  }

  /**
   * Somebody wants a socket. Counted first, then compared, so that threads which let in at the same
   * instant never let in too many.
   *
   * @param address The client's, or `undefined` for one that the limits per address don't concern.
   * @returns A ticket, or the limit that is reached; then nothing is held.
   */
  enter(address: string | undefined, limits: ConnectionLimits): Ticket | Limit {
    const slot = address === undefined ? 0 : this.#slotOf(address);
    const ticket = CONNECTED | PENDING | (slot << SLOT_SHIFT);
    const reached = this.#add(slot, limits);
    if (reached === undefined) {
      return ticket;
    }
    this.leave(ticket);
    return reached;
  }

  /** The socket is subscribed: its handshake is no longer pending. */
  subscribed(ticket: Ticket): Ticket {
    if ((ticket & PENDING) === 0) {
      return ticket;
    }
    this.#subtract(ticket, TOTAL_PENDING);
    return ticket & ~PENDING;
  }

  /** The socket is gone, or was never to be: gives everything back. */
  leave(ticket: Ticket): Ticket {
    const settled = this.subscribed(ticket);
    if ((settled & CONNECTED) !== 0) {
      this.#subtract(settled, TOTAL_CONNECTIONS);
    }
    return NO_TICKET;
  }

  /** Counts somebody who was not let in. */
  refuse(cause: RefusalCause): void {
    Atomics.add(this.#refusals, REFUSAL_CAUSES.indexOf(cause), 1n);
  }

  /** How often that happened since the start, by cause. */
  refusals(): RefusalCounts {
    const counts = REFUSAL_CAUSES.map((cause, index) => {
      return [cause, Number(Atomics.load(this.#refusals, index))] as const;
    });
    return Object.fromEntries(counts) as Record<RefusalCause, number>;
  }

  /** Sockets that are held now, and how many of them are not yet subscribed. */
  held(): { readonly connections: number; readonly pending: number } {
    return {
      connections: Atomics.load(this.#totals, TOTAL_CONNECTIONS),
      pending: Atomics.load(this.#totals, TOTAL_PENDING),
    };
  }

  /** Adds one to everything, and says which limit that is too much for. */
  #add(slot: number, limits: ConnectionLimits): Limit | undefined {
    const connections = Atomics.add(this.#totals, TOTAL_CONNECTIONS, 1);
    const pending = Atomics.add(this.#totals, TOTAL_PENDING, 1);
    let connectionsHere = 0;
    let pendingHere = 0;
    if (slot > 0) {
      connectionsHere = Atomics.add(this.#byAddress, indexOf(slot, TOTAL_CONNECTIONS), 1);
      pendingHere = Atomics.add(this.#byAddress, indexOf(slot, TOTAL_PENDING), 1);
    }
    // The most particular first: it says most about what to do.
    if (limits.pendingPerIp > 0 && pendingHere >= limits.pendingPerIp) {
      return "max_pending_per_ip";
    }
    if (limits.connectionsPerIp > 0 && connectionsHere >= limits.connectionsPerIp) {
      return "max_connections_per_ip";
    }
    if (connections >= limits.connections) {
      return "max_connections";
    }
    return pending >= limits.pending ? "max_pending" : undefined;
  }

  #subtract(ticket: Ticket, what: number): void {
    Atomics.sub(this.#totals, what, 1);
    const slot = ticket >> SLOT_SHIFT;
    if (slot > 0) {
      Atomics.sub(this.#byAddress, indexOf(slot, what), 1);
    }
  }

  /** The slot of an address, 1…{@link SLOTS}. */
  #slotOf(address: string): number {
    return 1 + (Bun.hash.xxHash32(networkOf(address), this.#seed) % SLOTS);
  }
}

function indexOf(slot: number, what: number): number {
  return (slot - 1) * TOTALS + what;
}

/** Groups of an IPv6 address that name the network: whoever has one has all addresses in it. */
const NETWORK_GROUPS = 4;
const ALL_GROUPS = 8;

/**
 * What counts as one client: an IPv4 address, or the /64 network of an IPv6 address, whose owner
 * has as many addresses as there are sockets to be had.
 */
function networkOf(address: string): string {
  if (!address.includes(":")) {
    return address;
  }
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? 0 : tail.split(":").length + (tail.includes(".") ? 1 : 0);
    while (groups.length + after < ALL_GROUPS) {
      groups.push("0");
    }
    groups.push(...tail.split(":"));
  }
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => Number.parseInt(group, 16))
    .join(":");
}
