/**
 * The four parts of prom-client that are used, each by its own file. The package as a whole brings
 * in its push gateway, cluster mode and summaries, which cost a worker some 6 MB and 10 ms at its
 * start.
 */
declare module "prom-client/lib/counter.js" {
  const Counter: typeof import("prom-client").Counter;
  export = Counter;
}
declare module "prom-client/lib/gauge.js" {
  const Gauge: typeof import("prom-client").Gauge;
  export = Gauge;
}
declare module "prom-client/lib/histogram.js" {
  const Histogram: typeof import("prom-client").Histogram;
  export = Histogram;
}
declare module "prom-client/lib/registry.js" {
  const Registry: typeof import("prom-client").Registry;
  export = Registry;
}
