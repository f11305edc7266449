import { plainDuration } from "../../observability/plain-duration.ts";

/** What stands where a figure is not known. */
export const UNKNOWN = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

/** A count: `1,234`. */
export function count(value: number | null): string {
  return value === null ? UNKNOWN : whole.format(value);
}

/** A rate per second: `0`, `3.2`, `1,204`. */
export function rate(value: number | null): string {
  if (value === null) {
    return UNKNOWN;
  }
  return (value < 100 ? precise : whole).format(value);
}

/** Milliseconds with their unit: `0.42 ms`, `12 ms`, `3.4 s`. */
export function millis(value: number | null): string {
  if (value === null) {
    return UNKNOWN;
  }
  if (value >= 1000) {
    return `${precise.format(value / 1000)} s`;
  }
  return `${(value < 10 ? fine : whole).format(value)} ms`;
}

/** `1 browser`, `3 browsers`. */
export function counted(value: number, one: string, many: string = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** How long ago an instant was, such as `12 s ago`; `undefined` when it is no instant. */
export function ago(iso: string, at: number): string | undefined {
  const then = Date.parse(iso);
  if (Number.isNaN(then)) {
    return undefined;
  }
  return at - then < 1000 ? "just now" : `${plainDuration(at - then)} ago`;
}

/** How much time has passed since an instant, such as `12 s`; `undefined` when it is none. */
export function lengthSince(iso: string, at: number): string | undefined {
  const then = Date.parse(iso);
  return Number.isNaN(then) ? undefined : plainDuration(Math.max(0, at - then));
}

/** An instant for people: the time, and the day unless it is the day of `at`. */
export function clockTime(iso: string, at: number): string {
  const then = new Date(iso);
  if (Number.isNaN(then.getTime())) {
    return UNKNOWN;
  }
  const isToday = then.toDateString() === new Date(at).toDateString();
  const time = then.toLocaleTimeString("en-GB");
  return isToday
    ? time
    : `${then.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}

/** The beginning of a node's id, which is enough to tell one from the other. */
export function shortNode(node: string): string {
  return node.slice(0, 4);
}

/** A node as it is named everywhere: `b3f1 (push2)`. */
export function nodeName(node: string, hosts: ReadonlyMap<string, string>): string {
  const host = hosts.get(node);
  return host === undefined || host === "" ? shortNode(node) : `${shortNode(node)} (${host})`;
}
