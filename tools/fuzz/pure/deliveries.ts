import fc from "fast-check";
import { decodeDelivery, encodeDelivery } from "../../../src/gateway/link.ts";
import { mustEqual } from "../check.ts";
import { valueText } from "../generate/json.ts";
import { wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

interface Case {
  readonly topic: string;
  readonly frame: string;
}

/** `encodeDelivery` and `decodeDelivery`: topic and frame cross to another thread as they are. */
export const deliveries = pureTarget<Case>({
  name: "deliveries",
  weight: 1,
  cases: fc.record({ topic: wildText(), frame: fc.oneof(valueText, wildText()) }),
  check: (delivery) => {
    const { topic, frame } = delivery;
    mustEqual(decodeDelivery(encodeDelivery(topic, frame)), delivery, "a delivery");
  },
  size: ({ topic, frame }) => topic.length + frame.length,
});
