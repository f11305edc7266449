import { expect, test } from "bun:test";
import { HEARD_WITHIN_MS, HeardReadiness } from "./heard-readiness.ts";

test("a thread that has heard nothing is not ready", () => {
  expect(new HeardReadiness().at(0)).toBe("not_ready");
});

test("a thread says what it was told last, and for a while only", () => {
  const heard = new HeardReadiness();
  heard.hear("ready", 1000);
  expect(heard.at(1000)).toBe("ready");
  expect(heard.at(1000 + HEARD_WITHIN_MS)).toBe("ready");
  expect(heard.at(1001 + HEARD_WITHIN_MS)).toBe("not_ready");
  heard.hear("degraded", 9000);
  expect(heard.at(9001)).toBe("degraded");
});
