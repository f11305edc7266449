import { z } from "zod";

/** Everybody who may be measured, in the order of tables and pictures. */
export const CONTENDER_NAMES = [
  "worker",
  "yardstick",
  "nchan",
  "pushpin",
  "socket-io",
  "ws",
] as const;

const ContenderNameSchema = z.enum(CONTENDER_NAMES);

/** Somebody who is measured. */
export type ContenderName = z.infer<typeof ContenderNameSchema>;

/** A contender that is neither the worker nor the yardstick: what a user would pick instead. */
export type PeerName = Exclude<ContenderName, "worker" | "yardstick">;

/** The peers, in the order of tables and pictures. */
export const PEER_NAMES: readonly PeerName[] = ["nchan", "pushpin", "socket-io", "ws"];

const UnitSchema = z.enum([
  "per-second",
  "microseconds",
  "milliseconds",
  "bytes",
  "count",
  "bytes-per-second",
]);

/** What a value is counted in; values always stand in the unit named here. */
export type Unit = z.infer<typeof UnitSchema>;

/** Ids become names of files and headings. */
const IdSchema = z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, "give letters, digits, dots and dashes");

/** One per round. */
const SamplesSchema = z.array(z.number()).min(1).readonly();

const CellSchema = z.discriminatedUnion("kind", [
  z
    .strictObject({
      kind: z.literal("measured"),
      samples: SamplesSchema,
      /** Processor time by wall time: parts of one core. */
      serverBusy: z.exactOptional(SamplesSchema),
      generatorBusy: z.exactOptional(SamplesSchema),
    })
    .readonly(),
  /** It has no way to do this. */
  z.strictObject({ kind: z.literal("cannot"), why: z.string().min(1) }).readonly(),
  /** It should have, and did not: a lost message, a crash. */
  z.strictObject({ kind: z.literal("failed"), why: z.string().min(1) }).readonly(),
]);

/** What one contender did in one row. */
export type Cell = z.infer<typeof CellSchema>;

const bounds = {
  atMost: z.exactOptional(z.number().positive()),
  atLeast: z.exactOptional(z.number().positive()),
};

const GoalSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("times-yardstick"), ...bounds }).readonly(),
  z.strictObject({ kind: z.literal("times-every-peer"), ...bounds }).readonly(),
  /** Better than every peer. */
  z.strictObject({ kind: z.literal("best-of-all") }).readonly(),
  z.strictObject({ kind: z.literal("worker-at-most"), value: z.number() }).readonly(),
  /** In the row's own unit. */
  z.strictObject({ kind: z.literal("over-yardstick-at-most"), value: z.number() }).readonly(),
]);

/** What must be reached. */
export type Goal = z.infer<typeof GoalSchema>;

const RowSchema = z
  .strictObject({
    id: IdSchema,
    what: z.string().min(1),
    unit: UnitSchema,
    better: z.enum(["less", "more"]),
    /** "median" for sizes and times, "sum" for what must never happen. */
    combine: z.enum(["median", "sum"]),
    /** What stands in the yardstick's place, where it is not the yardstick: "bare Redis". */
    reference: z.exactOptional(z.string().min(1)),
    /** Who is absent was not run. */
    cells: z.partialRecord(ContenderNameSchema, CellSchema).readonly(),
    goals: z.array(GoalSchema).readonly(),
  })
  .readonly();

/** One quantity, measured on all contenders. */
export type Row = z.infer<typeof RowSchema>;

const CurveSchema = z
  .strictObject({
    id: IdSchema,
    title: z.string().min(1),
    x: z.strictObject({ label: z.string().min(1), log: z.boolean() }).readonly(),
    y: z.strictObject({ label: z.string().min(1), unit: UnitSchema }).readonly(),
    lines: z
      .array(
        z
          .strictObject({
            /** A contender, or a setting: "worker, 2 threads". */
            name: z.string().min(1),
            points: z
              .array(z.strictObject({ x: z.number(), samples: SamplesSchema }).readonly())
              .readonly(),
          })
          .readonly(),
      )
      .readonly(),
  })
  .readonly();

/** A quantity as it grows with another. */
export type Curve = z.infer<typeof CurveSchema>;

const ScenarioResultSchema = z
  .strictObject({
    /** As `--only` takes it. */
    name: IdSchema,
    about: z.string().min(1),
    /** What ended the scenario; it may have rows from before that. */
    error: z.string().min(1).optional(),
    rows: z.array(RowSchema).readonly(),
    curves: z.array(CurveSchema).readonly(),
    notes: z.array(z.string().min(1)).readonly(),
    seconds: z.number().nonnegative(),
  })
  .readonly();

/** What came of one scenario. */
export type ScenarioResult = z.infer<typeof ScenarioResultSchema>;

/** See bench/machine.ts. What a later version adds is no reason not to read a file. */
const MachineSchema = z
  .object({
    cores: z.number(),
    model: z.string(),
    memoryGb: z.number(),
    kernel: z.string(),
    bun: z.string(),
    openFiles: z.number(),
    acceptQueue: z.number(),
    loadBefore: z.number(),
    /**
     * How far the same piece of work, repeated before the run and after it, was apart: slowest less
     * fastest, by the median; the worse of the two. 0.05 is 5 %.
     */
    noise: z.exactOptional(z.number().nonnegative()),
  })
  .readonly();

const ContenderEntrySchema = z
  .strictObject({
    name: ContenderNameSchema,
    /** "nginx + nchan" */
    title: z.string().min(1),
    version: z.string(),
    /** One line: what was set, as its documentation advises. */
    settings: z.string(),
    /** Why it could not be measured on this machine. */
    missing: z.exactOptional(z.string().min(1)),
  })
  .readonly();

const ResultSchema = z
  .strictObject({
    at: z.iso.datetime(),
    /** Short or full; it becomes a part of a file's name. */
    commit: z.string().regex(/^[0-9a-f]{7,40}$/, "give a commit's hash"),
    /** Whether the tree had changes that were not committed. */
    dirty: z.boolean(),
    machine: MachineSchema,
    quick: z.boolean(),
    rounds: z.number().int().positive(),
    target: z.enum(["source", "dist"]),
    contenders: z.array(ContenderEntrySchema).readonly(),
    scenarios: z.array(ScenarioResultSchema).readonly(),
  })
  .readonly();

/** What the figures were measured on. */
export type Machine = z.infer<typeof MachineSchema>;

/** What came of a whole run. */
export type Result = z.infer<typeof ResultSchema>;

/** Reads a kept result. Throws when `text` is no result, naming `place`. */
export function parseResult(text: string, place: string): Result {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`"${place}" is not JSON: give a file that make bench has written`, {
      cause: error,
    });
  }
  const parsed = ResultSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`"${place}" is no result of this bench:\n${z.prettifyError(parsed.error)}`);
}
