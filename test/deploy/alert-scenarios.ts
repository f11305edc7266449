/** Series by name and labels: a value a minute, in promtool's notation. */
export type Series = Readonly<Record<string, string>>;

/** What happens to one worker, as Prometheus sees it. */
export interface Scenario {
  readonly alert: string;
  /** Series that differ from those of a healthy day. */
  readonly series: (minutes: number) => Series;
  /** How long it is watched; a hundred minutes unless said otherwise. */
  readonly minutes?: number;
  /** When the alert fires, and a moment before which it must not. */
  readonly firesAt: string;
  readonly notBefore: string;
}

/** The worker that things happen to, and one that has its day like any other. */
const ILL = 'job="wavelog_worker",instance="10.0.0.11:9001"';
const WELL = 'job="wavelog_worker",instance="10.0.0.12:9001"';

/** Long enough for nearly all alerts. */
export const USUAL_MINUTES = 100;

/** Nought until the tenth minute, and one more in each from then on. */
const risingFromTen = (minutes: number): string => `0x10 1+1x${minutes}`;

function ill(name: string, labels: string = ""): string {
  return `${name}{${labels === "" ? ILL : `${ILL},${labels}`}}`;
}

/** A healthy day of both workers. */
export function healthyDay(minutes: number): Series {
  const constant = (value: number): string => `${value}x${minutes}`;
  const rising = (by: number): string => `0+${by}x${minutes}`;
  const ofBoth = [ILL, WELL].flatMap((worker): [string, string][] => [
    [`up{${worker}}`, constant(1)],
    [`wavelog_worker_readiness{${worker},state="ready"}`, constant(1)],
    [`wavelog_worker_readiness{${worker},state="not_ready"}`, constant(0)],
    [`wavelog_worker_redis_up{${worker}}`, constant(1)],
    [`wavelog_worker_cluster_nodes{${worker}}`, constant(2)],
    [`wavelog_worker_build_info{${worker},version="1.0.0",commit="1a2b3c4"}`, constant(1)],
    [`process_start_time_seconds{${worker}}`, constant(1_700_000_000)],
    [`process_open_fds{${worker}}`, constant(500)],
    [`process_max_fds{${worker}}`, constant(1024)],
    [`wavelog_worker_publishes_total{${worker},result="accepted"}`, rising(60)],
    [`wavelog_worker_publishes_total{${worker},result="overloaded"}`, constant(0)],
    [`wavelog_worker_outbox_dropped_total{${worker}}`, constant(0)],
    // Bad connections: one in three minutes.
    [`wavelog_worker_slow_readers_total{${worker}}`, rising(0.3)],
    [`wavelog_worker_limit_refusals_total{${worker},limit="max_connections"}`, constant(0)],
    // Strangers reach these, and nobody needs to get up for it.
    [`wavelog_worker_limit_refusals_total{${worker},limit="max_pending_per_ip"}`, rising(5)],
    [`wavelog_worker_accept_pauses_total{${worker}}`, constant(0)],
    [`wavelog_worker_api_errors_total{${worker},error="forbidden"}`, constant(0)],
    [`wavelog_worker_api_errors_total{${worker},error="topic_not_registered"}`, rising(1)],
    [`wavelog_worker_previous_secret_uses_total{${worker},by="token"}`, constant(0)],
    [`wavelog_worker_state_file_failures_total{${worker}}`, constant(0)],
    [`wavelog_worker_catch_up_log_failures_total{${worker}}`, constant(0)],
    [`wavelog_worker_delivery_lag_seconds_bucket{${worker},le="0.01"}`, rising(60)],
    [`wavelog_worker_delivery_lag_seconds_bucket{${worker},le="2.5"}`, rising(60)],
    [`wavelog_worker_delivery_lag_seconds_bucket{${worker},le="+Inf"}`, rising(60)],
  ]);
  return Object.fromEntries(ofBoth);
}

/** One for each alert; the worker is well for ten minutes. */
export const SCENARIOS: readonly Scenario[] = [
  {
    alert: "WavelogWorkerDown",
    series: (minutes) => ({ [ill("up")]: `1x9 0x${minutes}` }),
    firesAt: "12m",
    notBefore: "9m",
  },
  {
    alert: "WavelogWorkerNotReady",
    series: (minutes) => ({
      [ill("wavelog_worker_readiness", 'state="not_ready"')]: `0x9 1x${minutes}`,
    }),
    firesAt: "12m",
    notBefore: "9m",
  },
  {
    alert: "WavelogWorkerRestartLoop",
    series: (minutes) => ({ [ill("process_start_time_seconds")]: `100x10 200 300 400x${minutes}` }),
    firesAt: "14m",
    notBefore: "12m",
  },
  {
    alert: "WavelogWorkerRedisAway",
    series: (minutes) => ({ [ill("wavelog_worker_redis_up")]: `1x9 0x${minutes}` }),
    firesAt: "13m",
    notBefore: "11m",
  },
  {
    alert: "WavelogWorkerOutboxDropping",
    series: (minutes) => ({ [ill("wavelog_worker_outbox_dropped_total")]: risingFromTen(minutes) }),
    firesAt: "12m",
    notBefore: "10m",
  },
  {
    alert: "WavelogWorkerClusterSplit",
    series: (minutes) => ({ [ill("wavelog_worker_cluster_nodes")]: `2x9 1x${minutes}` }),
    firesAt: "16m",
    notBefore: "14m",
  },
  {
    alert: "WavelogWorkerPublishesRefused",
    series: (minutes) => ({
      [ill("wavelog_worker_publishes_total", 'result="overloaded"')]: risingFromTen(minutes),
    }),
    firesAt: "12m",
    notBefore: "10m",
  },
  {
    alert: "WavelogWorkerDeliveryLag",
    series: (minutes) => ({
      [ill("wavelog_worker_delivery_lag_seconds_bucket", 'le="0.01"')]: `0+60x9 540x${minutes}`,
    }),
    firesAt: "20m",
    notBefore: "10m",
  },
  {
    alert: "WavelogWorkerSlowReaders",
    series: (minutes) => ({ [ill("wavelog_worker_slow_readers_total")]: `0x10 0+20x${minutes}` }),
    firesAt: "13m",
    notBefore: "10m",
  },
  {
    alert: "WavelogWorkerFull",
    series: (minutes) => ({
      [ill("wavelog_worker_limit_refusals_total", 'limit="max_connections"')]:
        risingFromTen(minutes),
    }),
    firesAt: "12m",
    notBefore: "10m",
  },
  {
    alert: "WavelogWorkerDescriptorsLow",
    series: (minutes) => ({ [ill("process_open_fds")]: `500x9 1000x${minutes}` }),
    firesAt: "13m",
    notBefore: "11m",
  },
  {
    alert: "WavelogWorkerAcceptPaused",
    series: (minutes) => ({ [ill("wavelog_worker_accept_pauses_total")]: risingFromTen(minutes) }),
    firesAt: "12m",
    notBefore: "10m",
  },
  {
    alert: "WavelogWorkerWrongSecret",
    series: (minutes) => ({
      [ill("wavelog_worker_api_errors_total", 'error="forbidden"')]: risingFromTen(minutes),
    }),
    firesAt: "18m",
    notBefore: "12m",
  },
  {
    alert: "WavelogWorkerPreviousSecretInUse",
    minutes: 1600,
    series: (minutes) => ({
      [ill("wavelog_worker_previous_secret_uses_total", 'by="token"')]: risingFromTen(minutes),
    }),
    firesAt: "25h",
    notBefore: "23h",
  },
  {
    alert: "WavelogWorkerVersionSkew",
    series: (minutes) => ({
      [ill("wavelog_worker_build_info", 'version="1.0.0",commit="1a2b3c4"')]: "1x9 _x90",
      [ill("wavelog_worker_build_info", 'version="1.1.0",commit="5d6e7f8"')]: `_x9 1x${minutes}`,
    }),
    firesAt: "80m",
    notBefore: "60m",
  },
  {
    alert: "WavelogWorkerStateFileFailing",
    series: (minutes) => ({
      [ill("wavelog_worker_state_file_failures_total")]: risingFromTen(minutes),
    }),
    firesAt: "12m",
    notBefore: "10m",
  },
  {
    alert: "WavelogWorkerCatchUpLogFailing",
    series: (minutes) => ({
      [ill("wavelog_worker_catch_up_log_failures_total")]: risingFromTen(minutes),
    }),
    firesAt: "12m",
    notBefore: "10m",
  },
];
