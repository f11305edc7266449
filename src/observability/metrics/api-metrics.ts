import { API_ERRORS, type ApiError } from "../../protocol/api-errors.ts";
import type { EventListener } from "../events.ts";
import type { MetricSet, Observe } from "./metric-set.ts";
import { kindsOf, labelValue, OTHER, type Tally } from "./tally.ts";

/** The call that publishes, as the API names it. */
const PUBLISH = "publish";

/** The result of a call that did what it was asked. */
const ACCEPTED = "accepted";

/** Seconds; PHP waits for one. */
const PUBLISH_BUCKETS = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];

const ERROR_NAMES: ReadonlyMap<ApiError, string> = new Map(
  Object.entries(API_ERRORS).map(([key, error]) => [error, labelValue(key)]),
);

/** What the internal API was asked and answered. */
export class ApiMetrics implements EventListener {
  readonly #publishes: Tally;
  readonly #errors: Tally;
  readonly #observePublish: Observe;
  readonly #registrations: Tally;
  readonly #limits: Tally;
  #bytes = 0;

  /** @param limits Counts who was refused because of a limit, by its key in the configuration. */
  constructor(set: MetricSet, limits: Tally) {
    this.#limits = limits;
    const names = [...ERROR_NAMES.values()];
    this.#publishes = set.tally(
      "publishes_total",
      "Publish calls by result: accepted, or the error that was answered.",
      kindsOf("result", [ACCEPTED, ...names, OTHER]),
    );
    set.counter(
      "publish_bytes_total",
      "Bytes of the bodies of publish calls that were accepted.",
      () => this.#bytes,
    );
    this.#observePublish = set.histogram(
      "publish_duration_seconds",
      "Time from the head of an accepted publish call to its answer.",
      PUBLISH_BUCKETS,
    );
    this.#registrations = set.tally(
      "registrations_total",
      "Register calls by result: a new topic, a known one refreshed, or refused by max_topics.",
      kindsOf("result", ["new", "refreshed", "full"]),
    );
    this.#errors = set.tally(
      "api_errors_total",
      "Calls of the internal API that were answered with an error, publish calls among them.",
      kindsOf("error", [...names, OTHER]),
    );
  }

  answered(call: string, error: ApiError | undefined): void {
    const name = error === undefined ? ACCEPTED : (ERROR_NAMES.get(error) ?? OTHER);
    if (call === PUBLISH) {
      this.#publishes.add(name);
    }
    if (error !== undefined) {
      this.#errors.add(name);
    }
  }

  published(bytes: number, durationMs: number): void {
    this.#bytes += bytes;
    this.#observePublish(durationMs / 1000);
  }

  registered(_topic: string, _requireToken: boolean, isNew: boolean): void {
    this.#registrations.add(isNew ? "new" : "refreshed");
  }

  registryFull(): void {
    this.#registrations.add("full");
    this.#limits.add("max_topics");
  }

  overloaded(): void {
    this.#limits.add("max_queued_events");
  }
}
