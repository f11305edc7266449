import { expect, test } from "bun:test";
import { join } from "node:path";
import { eventually } from "../../test/support/changes.ts";
import { Helper } from "./helper.ts";

/** Repeats its orders as reports, and ends when it is told to. */
const ECHO = 'while read -r line; do echo "$line"; case "$line" in *stop*) exit 0;; esac; done';

function startHelper(script: string) {
  const reports: object[] = [];
  const faults: string[] = [];
  const helper = new Helper<object>({
    name: "helper",
    command: ["sh", "-c", script],
    order: { first: 'a "quoted" one' },
    onReport: (report) => reports.push(report),
    onFault: ({ message }) => faults.push(message),
  });
  return { helper, reports, faults };
}

test("takes orders and gives reports until it is stopped", async () => {
  const { helper, reports, faults } = startHelper(ECHO);
  await using _ = helper;
  helper.tell({ second: 2 });
  await helper.stop();
  expect(reports).toEqual([{ first: 'a "quoted" one' }, { second: 2 }, { stop: true }]);
  expect(faults).toEqual([]);
});

test("may end by itself when its work is done", async () => {
  const { helper, reports, faults } = startHelper('echo "{}"');
  await using _ = helper;
  await helper.done();
  expect(reports).toEqual([{}]);
  expect(faults).toEqual([]);
});

test("its failure is told, with what it complains of", async () => {
  const { helper, faults } = startHelper("echo it hurts >&2; exit 3");
  await using _ = helper;
  await eventually(() => faults.length > 0, "the fault");
  expect(faults).toEqual(["helper ended (status 3): it hurts"]);
});

test("of this program's own ends at a fault that nobody has caught", async () => {
  const faults: string[] = [];
  const module = join(import.meta.dir, "helper.ts");
  const script = `import { takeOrders } from ${JSON.stringify(module)};
    await takeOrders(() => void Promise.reject(new Error("it hurts")));`;
  await using helper = new Helper<object>({
    ...{ name: "helper", command: [process.execPath, "-e", script], order: {} },
    onReport: () => undefined,
    onFault: ({ message }) => faults.push(message),
  });
  await helper.done();
  await eventually(() => faults.length > 0, "the fault");
  expect(faults).toEqual(["helper ended (status 1): it hurts"]);
});

test("is killed when it does not matter any more, and that is no failure", async () => {
  const { helper, faults } = startHelper("sleep 1000");
  await helper[Symbol.asyncDispose]();
  expect(faults).toEqual([]);
});
