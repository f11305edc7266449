import { cleanText } from "../config/fault-text.ts";
import { formatUptime } from "../protocol/uptime.ts";
import { type JsonObject, numberOf, objectsOf, textOf } from "./json-fields.ts";
import type { Colour, Paint } from "./paint.ts";

/** Longest text of a worker's that is shown in a column. */
const MAX_SHOWN_LENGTH = 60;

const HEAD = ["time (UTC)", "what", "address", "topic", "user", "reason", "age", "buffered"];

/** A line of the table. */
interface Row {
  /** ISO 8601. */
  readonly time: string;
  readonly what: string;
  readonly colour: Colour | undefined;
  /** What stands in the columns after these two. */
  readonly cells: readonly string[];
}

/**
 * What went on lately as a table for people, the newest last, as in a log: the last `limit` of
 * everything.
 */
export function recentLines(recent: JsonObject, limit: number, paint: Paint): readonly string[] {
  const rows = [
    ...objectsOf(recent, "closes").map(closeRow),
    ...objectsOf(recent, "refusals").map(refusalRow),
    ...objectsOf(recent, "publishes").map(publishRow),
  ]
    .sort((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)))
    .slice(-limit);
  if (rows.length === 0) {
    return ["nothing yet"];
  }
  const table = rows.map(({ time, what, cells }) => [timeText(time), what, ...cells]);
  const columns = HEAD.map((name, column) => {
    const cells = table.map((row) => row[column] ?? "");
    const isUsed = cells.some((cell) => cell !== "");
    return isUsed ? { column, width: Math.max(name.length, ...cells.map(lengthOf)) } : undefined;
  }).filter((column) => column !== undefined);
  const line = (cells: readonly string[], colour?: Colour): string =>
    columns
      .map(({ column, width }) => {
        const cell = (cells[column] ?? "").padEnd(width);
        return column === 1 && colour !== undefined ? paint(colour, cell) : cell;
      })
      .join("  ")
      .trimEnd();
  return [paint("bold", line(HEAD)), ...table.map((row, index) => line(row, rows[index]?.colour))];
}

function closeRow(close: JsonObject): Row {
  const buffered = numberOf(close, "buffered");
  return {
    time: shown(close, "time"),
    what: `closed ${shown(close, "code")}`,
    colour: buffered === undefined ? undefined : "yellow",
    cells: [
      shown(close, "address"),
      shown(close, "topic"),
      userText(close),
      shown(close, "reason"),
      ageText(numberOf(close, "age_ms")),
      buffered === undefined ? "" : `${buffered} bytes`,
    ],
  };
}

function refusalRow(refusal: JsonObject): Row {
  const unreported = numberOf(refusal, "unreported") ?? 0;
  const more = unreported > 0 ? `, and ${unreported} more before` : "";
  return {
    time: shown(refusal, "time"),
    what: "refused",
    colour: "red",
    cells: [
      shown(refusal, "address"),
      shown(refusal, "topic"),
      userText(refusal),
      `${shown(refusal, "cause")}: ${shown(refusal, "reason")}${more}`,
    ],
  };
}

function publishRow(publish: JsonObject): Row {
  const sockets = numberOf(publish, "sockets") ?? 0;
  const handed = numberOf(publish, "handed_ms");
  const speed = handed === undefined ? "" : ` in ${handed} ms`;
  const size = `${shown(publish, "bytes")} bytes`;
  return {
    time: shown(publish, "time"),
    what: "published",
    colour: "green",
    cells: [
      shown(publish, "node"),
      shown(publish, "topic"),
      "",
      `${size} to ${sockets} ${sockets === 1 ? "socket" : "sockets"}${speed}`,
    ],
  };
}

/** Who it was; an anonymous socket's is `none`. */
function userText(object: JsonObject): string {
  const user = numberOf(object, "user");
  return user === 0 ? "none" : String(user ?? "");
}

function ageText(ms: number | undefined): string {
  if (ms === undefined) {
    return "";
  }
  return ms < 1000 ? `${ms} ms` : formatUptime(ms / 1000);
}

/** An ISO 8601 time for people, to the millisecond. */
function timeText(text: string): string {
  return text.replace("T", " ").replace(/Z$/, "");
}

/** A field as it is shown, cleaned; nothing when it has none. */
function shown(object: JsonObject, key: string): string {
  return cleanText(textOf(object, key) ?? String(numberOf(object, key) ?? ""), MAX_SHOWN_LENGTH);
}

function lengthOf(text: string): number {
  return text.length;
}
