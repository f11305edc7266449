import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { REFUSAL_CAUSES } from "../protocol/socket-event.ts";
import {
  Admission,
  admissionMemory,
  type ConnectionLimits,
  NO_TICKET,
  type Ticket,
} from "./admission.ts";

const SEED = 4711;
const ADDRESS = "203.0.113.9";
const MANY = 1_000_000;

function limits(changes: Partial<ConnectionLimits>): ConnectionLimits {
  return { connections: MANY, connectionsPerIp: 0, pending: MANY, pendingPerIp: 0, ...changes };
}

function admission(): Admission {
  return new Admission(admissionMemory(SEED));
}

/** Lets somebody in who must be let in. */
function enter(gate: Admission, address: string | undefined, bounds: ConnectionLimits): Ticket {
  const ticket = gate.enter(address, bounds);
  if (typeof ticket === "string") {
    throw new Error(`not let in: ${ticket}`);
  }
  return ticket;
}

describe("admission", () => {
  const EACH: readonly [limit: string, bounds: ConnectionLimits][] = [
    ["max_connections", limits({ connections: 3 })],
    ["max_connections_per_ip", limits({ connectionsPerIp: 3 })],
    ["max_pending", limits({ pending: 3 })],
    ["max_pending_per_ip", limits({ pendingPerIp: 3 })],
  ];
  for (const [limit, bounds] of EACH) {
    test(`holds ${limit}: as many as it says, and one more for each that leaves`, () => {
      const gate = admission();
      const tickets = [1, 2, 3].map(() => enter(gate, ADDRESS, bounds));
      for (let time = 0; time < 5; time += 1) {
        expect(gate.enter(ADDRESS, bounds)).toBe(limit as never);
      }
      expect(gate.held()).toEqual({ connections: 3, pending: 3 });
      gate.leave(tickets[0] ?? NO_TICKET);
      enter(gate, ADDRESS, bounds);
      expect(gate.enter(ADDRESS, bounds)).toBe(limit as never);
    });
  }

  test("counts as pending only who is not subscribed", () => {
    const gate = admission();
    const bounds = limits({ pending: 1, pendingPerIp: 1 });
    for (let count = 1; count <= 5; count += 1) {
      gate.subscribed(enter(gate, ADDRESS, bounds));
      expect(gate.held()).toEqual({ connections: count, pending: 0 });
    }
  });

  test("counts as a connection whoever is subscribed, too", () => {
    const gate = admission();
    const bounds = limits({ connections: 2, connectionsPerIp: 2 });
    const first = gate.subscribed(enter(gate, ADDRESS, bounds));
    gate.subscribed(enter(gate, ADDRESS, bounds));
    expect(gate.enter(ADDRESS, bounds)).toBe("max_connections_per_ip");
    gate.leave(first);
    enter(gate, ADDRESS, bounds);
  });

  test("counts each address by itself, and who has none not at all", () => {
    const gate = admission();
    const bounds = limits({ connectionsPerIp: 1, pendingPerIp: 1 });
    enter(gate, ADDRESS, bounds);
    enter(gate, "203.0.113.10", bounds);
    expect(gate.enter(ADDRESS, bounds)).toBe("max_pending_per_ip");
    for (let time = 0; time < 100; time += 1) {
      enter(gate, undefined, bounds);
    }
  });

  test("takes an IPv6 network of 64 bits for one client", () => {
    const gate = admission();
    const bounds = limits({ pendingPerIp: 1 });
    enter(gate, "2001:db8::1", bounds);
    for (const same of ["2001:db8::2", "2001:db8:0:0:ffff::", "2001:0db8:0000::9", "2001:db8::"]) {
      expect(gate.enter(same, bounds)).toBe("max_pending_per_ip");
    }
    for (const other of ["2001:db8:0:1::1", "2001:db9::1", "::1", "1:2001:db8::"]) {
      enter(gate, other, bounds);
    }
    expect(gate.enter("::203.0.113.9", bounds)).toBe("max_pending_per_ip");
    expect(gate.enter("0:0:0:0:1:2:3:4", bounds)).toBe("max_pending_per_ip");
  });

  test("gives each thing back once, however often it is given back", () => {
    const gate = admission();
    const bounds = limits({});
    const stays = enter(gate, ADDRESS, bounds);
    let ticket = enter(gate, ADDRESS, bounds);
    for (let time = 0; time < 3; time += 1) {
      ticket = gate.subscribed(ticket);
    }
    expect(gate.held()).toEqual({ connections: 2, pending: 1 });
    for (let time = 0; time < 3; time += 1) {
      ticket = gate.leave(ticket);
    }
    expect(ticket).toBe(NO_TICKET);
    expect(gate.held()).toEqual({ connections: 1, pending: 1 });
    gate.leave(stays);
    gate.leave(NO_TICKET);
    gate.subscribed(NO_TICKET);
    expect(gate.held()).toEqual({ connections: 0, pending: 0 });
  });

  test("goes by the limits it is given: they may change while sockets are open", () => {
    const gate = admission();
    enter(gate, ADDRESS, limits({}));
    enter(gate, ADDRESS, limits({}));
    expect(gate.enter(ADDRESS, limits({ connectionsPerIp: 2 }))).toBe("max_connections_per_ip");
    expect(gate.enter(ADDRESS, limits({ connections: 1 }))).toBe("max_connections");
    enter(gate, ADDRESS, limits({ connectionsPerIp: 3 }));
  });

  test("is one for all who share its memory", () => {
    const memory = admissionMemory(SEED);
    const [one, other] = [new Admission(memory), new Admission(memory)];
    const bounds = limits({ connections: 2, pendingPerIp: 2 });
    const ticket = enter(one, ADDRESS, bounds);
    enter(other, ADDRESS, bounds);
    expect(one.enter(ADDRESS, bounds)).toBe("max_pending_per_ip");
    expect(other.enter("198.51.100.1", bounds)).toBe("max_connections");
    // Whoever has the ticket may give it back, wherever it came from.
    other.leave(ticket);
    expect(one.held()).toEqual({ connections: 1, pending: 1 });
  });

  test("tickets are small integers, which cost a session nothing", () => {
    const gate = admission();
    for (let count = 0; count < 5000; count += 1) {
      const ticket = enter(gate, `10.0.${count >> 8}.${count & 255}`, limits({}));
      expect(ticket).toBeGreaterThan(NO_TICKET);
      expect(ticket).toBeLessThan(2 ** 30);
    }
  });

  test("after any story nothing is held but what is still open", () => {
    const action = fc.record({
      act: fc.constantFrom("enter", "enter", "subscribed", "leave"),
      who: fc.nat(7),
      address: fc.constantFrom(undefined, ADDRESS, "198.51.100.1", "2001:db8::1"),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (story) => {
        const gate = admission();
        const bounds = limits({
          connections: 6,
          connectionsPerIp: 3,
          pending: 4,
          pendingPerIp: 2,
        });
        const open = new Map<number, { ticket: Ticket; isPending: boolean }>();
        for (const { act, who, address } of story) {
          const socket = open.get(who);
          if (act === "enter" && socket === undefined) {
            const ticket = gate.enter(address, bounds);
            if (typeof ticket === "number") {
              open.set(who, { ticket, isPending: true });
            }
          } else if (act === "subscribed" && socket !== undefined) {
            open.set(who, { ticket: gate.subscribed(socket.ticket), isPending: false });
          } else if (act === "leave" && socket !== undefined) {
            gate.leave(socket.ticket);
            open.delete(who);
          }
          const pending = [...open.values()].filter(({ isPending }) => isPending).length;
          expect(gate.held()).toEqual({ connections: open.size, pending });
          expect(open.size).toBeLessThanOrEqual(6);
        }
        for (const { ticket } of open.values()) {
          gate.leave(ticket);
        }
        // Every slot is empty again: a whole story fits in.
        for (let time = 0; time < 2; time += 1) {
          enter(gate, ADDRESS, bounds);
          enter(gate, "2001:db8::1", bounds);
        }
      }),
    );
  });

  test("counts refusals by cause, over all who share its memory", () => {
    const memory = admissionMemory(SEED);
    const [one, other] = [new Admission(memory), new Admission(memory)];
    for (const [index, cause] of REFUSAL_CAUSES.entries()) {
      for (let time = 0; time < index; time += 1) {
        (time % 2 === 0 ? one : other).refuse(cause);
      }
    }
    const counts = Object.fromEntries(REFUSAL_CAUSES.map((cause, index) => [cause, index]));
    expect(one.refusals()).toEqual(counts as never);
    expect(Object.keys(other.refusals())).toEqual([...REFUSAL_CAUSES]);
  });
});
