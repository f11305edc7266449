import { judge, type RowVerdict, type Standing, tally } from "./judge.ts";
import { cores, quantity, range, times } from "./quantity.ts";
import { CONTENDER_NAMES, type ContenderName, type Result, type ScenarioResult } from "./types.ts";
import {
  commitText,
  goalText,
  isBusy,
  machineText,
  noiseText,
  OUTCOMES,
  readingText,
  runText,
  titleOf,
  uncountedText,
  whyText,
} from "./words.ts";

/** What the lines of a row are called stands in front of them. */
const LABEL_WIDTH = 18;
/** Six contenders and the labels fit into 140 columns. */
const COLUMN_WIDTH = 19;
const WIDTH = 138;
const BUSY_MARK = "!";
const RULE = "─".repeat(WIDTH);

function column(text: string): string {
  const room = COLUMN_WIDTH - 1;
  return (text.length > room ? `${text.slice(0, room - 1)}…` : text).padStart(COLUMN_WIDTH);
}

/** Long lines go on below, indented, where a terminal would break them anywhere. */
function wrap(text: string, first: string, rest = " ".repeat(first.length)): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(/\s+/)) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

/** Columns stand in the same place in the whole table: everybody who has a cell anywhere. */
function columnsOf(result: Result): ContenderName[] {
  const rows = result.scenarios.flatMap((scenario) => scenario.rows);
  return CONTENDER_NAMES.filter((name) => rows.some((row) => row.cells[name] !== undefined));
}

function line(
  label: string,
  columns: readonly ContenderName[],
  standings: readonly Standing[],
  show: (standing: Standing) => string,
): string {
  const cells = columns.map((name) => {
    const standing = standings.find((one) => one.name === name);
    return column(standing === undefined ? "" : show(standing));
  });
  return `    ${label.padEnd(LABEL_WIDTH)}${cells.join("")}`.trimEnd();
}

type Measured = Extract<Standing["cell"], { readonly kind: "measured" }>;

function measured(show: (cell: Measured, name: ContenderName) => string) {
  return ({ name, cell }: Standing): string => (cell.kind === "measured" ? show(cell, name) : "");
}

function goals(result: Result, verdict: RowVerdict): string[] {
  const { unit, reference } = verdict.row;
  return verdict.goals.flatMap((one) => {
    const rest = uncountedText(result, one);
    const end = rest === "" ? "" : `; without: ${rest}`;
    return wrap(
      `${OUTCOMES[one.outcome]}: ${goalText(one.goal, unit, reference)}: ${whyText(result, one)}${end}`,
      `    ${"goal".padEnd(LABEL_WIDTH)}`,
    );
  });
}

function isAnyMeasured(
  { standings }: RowVerdict,
  has: (cell: Measured) => boolean = () => true,
): boolean {
  return standings.some(({ cell }) => cell.kind === "measured" && has(cell));
}

function block(result: Result, verdict: RowVerdict, columns: readonly ContenderName[]): string[] {
  const { row, standings } = verdict;
  const put = (label: string, show: (standing: Standing) => string): string => {
    return line(label, columns, standings, show);
  };
  const rounds = Math.max(
    ...standings.map(({ cell }) => (cell.kind === "measured" ? cell.rounds : 0)),
  );
  const reference = row.reference === undefined ? "" : `; yardstick: ${row.reference}`;
  const lines = [
    ...wrap(`${row.what} (${readingText(row, rounds)}${reference})`, "  "),
    put("value", ({ cell }) => {
      return cell.kind === "measured" ? quantity(cell.value, row.unit) : cell.kind;
    }),
  ];
  if (rounds > 1) {
    const label = row.combine === "median" ? "least–most" : "each round";
    lines.push(
      put(
        label,
        measured((cell) => range(cell.least, cell.most, row.unit)),
      ),
    );
  }
  // How often something went wrong is a number to look at, not to divide.
  const isDivided = row.combine === "median";
  if (isDivided && isAnyMeasured(verdict, ({ byYardstick }) => byYardstick !== undefined)) {
    const show = measured((cell, name) => (name === "yardstick" ? "" : times(cell.byYardstick)));
    lines.push(put("by the yardstick", show));
  }
  const showWorker = measured((cell, name) => (name === "worker" ? "" : times(cell.workerByThis)));
  if (isDivided && isAnyMeasured(verdict, ({ workerByThis }) => workerByThis !== undefined)) {
    lines.push(put("worker by this", showWorker));
  }
  if (isAnyMeasured(verdict, ({ serverBusy }) => serverBusy !== undefined)) {
    lines.push(
      put(
        "cores: server",
        measured((cell) => cores(cell.serverBusy)),
      ),
    );
  }
  if (isAnyMeasured(verdict, ({ generatorBusy }) => generatorBusy !== undefined)) {
    const show = measured(({ generatorBusy }) => {
      return `${isBusy(generatorBusy) ? `${BUSY_MARK} ` : ""}${cores(generatorBusy)}`;
    });
    lines.push(put("cores: generator", show));
  }
  return [...lines, ...goals(result, verdict)];
}

function remarks(result: Result, scenario: ScenarioResult): string[] {
  const verdicts = scenario.rows.map(judge);
  const broken = verdicts.flatMap(({ row, standings }) =>
    standings.flatMap(({ name, cell }) =>
      cell.kind === "measured"
        ? []
        : [`${cell.kind}: ${titleOf(result, name, row)}, ${row.id}: ${cell.why}`],
    ),
  );
  const isGeneratorBusy = verdicts.some((verdict) =>
    isAnyMeasured(verdict, ({ generatorBusy }) => isBusy(generatorBusy)),
  );
  return [
    ...(scenario.error === undefined ? [] : [`ended by an error: ${scenario.error}`]),
    // What several rows lack for one reason is told once per row: each lacks a number of its own.
    ...broken,
    ...(isGeneratorBusy
      ? [`${BUSY_MARK} the load generator was all but busy: the server may do more than this`]
      : []),
    ...scenario.notes,
  ].flatMap((text) => wrap(text, "  · ", "    "));
}

function section(
  result: Result,
  scenario: ScenarioResult,
  columns: readonly ContenderName[],
): string[] {
  const names = columns.map((name) => column(titleOf(result, name))).join("");
  const blocks = scenario.rows.map((row) => block(result, judge(row), columns));
  const notes = remarks(result, scenario);
  return [
    "",
    RULE,
    ...wrap(`${scenario.about} (${scenario.seconds.toFixed(0)} s)`, `${scenario.name}: `, "  "),
    ...(blocks.length === 0 ? [] : [`    ${" ".repeat(LABEL_WIDTH)}${names}`.trimEnd()]),
    ...blocks.flatMap((lines, i) => (i === 0 ? lines : ["", ...lines])),
    ...(notes.length === 0 ? [] : ["", ...notes]),
  ];
}

function header(result: Result): string[] {
  const entries = result.contenders.flatMap(({ title, version, settings, missing }) =>
    missing === undefined
      ? wrap(`${title} ${version}: ${settings}`, "          ")
      : wrap(`${title}: not here: ${missing}`, "          "),
  );
  return [
    `machine   ${machineText(result)}`,
    `          ${noiseText(result)}; ${result.machine.openFiles} open files per process, accept queue ${result.machine.acceptQueue}`,
    `run       ${result.at}, commit ${commitText(result)} (${result.target}), ${runText(result)}`,
    "against",
    ...entries,
    "",
    "Cores are parts of one processor core. Ratios travel from machine to machine; other numbers do not.",
  ];
}

function summary(result: Result): string[] {
  const missed = result.scenarios.flatMap(({ rows }) =>
    rows.flatMap((row) =>
      judge(row)
        .goals.filter(({ outcome }) => outcome !== "reached")
        .map(
          (one) =>
            `${OUTCOMES[one.outcome]}: ${row.id}: ${goalText(one.goal, row.unit, row.reference)}: ` +
            `${whyText(result, one)}`,
        ),
    ),
  );
  const { reached, missed: count, open, broken } = tally(result);
  const errors = broken === 0 ? "" : `, ${broken} scenarios ended by an error`;
  return [
    "",
    RULE,
    `goals: ${reached} reached, ${count} not reached, ${open} open${errors}`,
    ...missed.flatMap((text) => wrap(text, "  ", "    ")),
  ];
}

/** The whole result for eyes on a terminal: at most 140 columns, no colours. */
export function renderTable(result: Result): string {
  const columns = columnsOf(result);
  return [
    ...header(result),
    ...result.scenarios.flatMap((scenario) => section(result, scenario, columns)),
    ...summary(result),
  ].join("\n");
}
