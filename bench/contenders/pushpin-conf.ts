/** What differs from one Pushpin to another. */
export interface PushpinSettings {
  /** Absolute; for everything it writes. */
  readonly directory: string;
  readonly wsPort: number;
  /** Where it takes publishes by HTTP. */
  readonly httpPort: number;
  /** Three more ports it listens on: publishes and commands by ZeroMQ. */
  readonly zmqPorts: readonly [number, number, number];
  readonly maxConnections: number;
}

/** As its guide to a million connections has it, a smaller buffer per client. */
const CLIENT_BUFFER_BYTES = 4096;
/**
 * The default, 2,500 deliveries a second, is less than any scenario asks for. Without a limit (0)
 * a burst was seen to arrive with gaps and broken frames. A limit makes batches, one every 25 ms;
 * its source gives the queues between its processes room for 1,000 messages, so these batches are
 * of 900. The rate is above all it was seen to deliver here.
 */
const DELIVERIES_PER_SECOND = 36_000;
/** What waits beyond this is dropped; by default 25,000, which is 25 events to 1,000 sockets. */
const QUEUED_DELIVERIES = 1_000_000_000;
/**
 * Each way from the proxy to zurl holds 100 requests, which no setting changes; while it is full,
 * whoever connects gets "502 Bad Gateway" at once. Ways are a list, though, and may all lead to
 * the same zurl: these are enough for 3,200 requests that wait, and zurl works on 2,000 more.
 */
const WAYS_TO_ZURL = 32;
const ZURL_IN = "ipc://{rundir}/{ipc_prefix}zurl-in";
/** As the worker: larger events are refused. */
const MAX_BODY_BYTES = 1_048_576;

/** The whole configuration of a Pushpin by itself, with a zurl of its own to reach its application. */
export function pushpinConf(settings: PushpinSettings): string {
  const { directory, zmqPorts } = settings;
  const toZurl = Array.from({ length: WAYS_TO_ZURL }, () => ZURL_IN).join(",");
  return `[global]
include={libdir}/internal.conf
rundir=${directory}
ipc_prefix=pushpin-
port_offset=0
stats_connection_ttl=600

[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:${settings.wsPort}
logdir=${directory}
log_level=1
client_buffer_size=${CLIENT_BUFFER_BYTES}
client_maxconn=${settings.maxConnections}

[proxy]
routesfile=routes
debug=false
auto_cross_origin=false
log_from=false
log_user_agent=false
sig_key=changeme
updates_check=off
zurl_out_specs=${toZurl}
zurl_out_stream_specs=ipc://{rundir}/{ipc_prefix}zurl-in-stream
zurl_in_specs=ipc://{rundir}/{ipc_prefix}zurl-out

[handler]
push_in_spec=tcp://127.0.0.1:${zmqPorts[0]}
push_in_sub_specs=tcp://127.0.0.1:${zmqPorts[1]}
push_in_sub_connect=false
push_in_http_addr=127.0.0.1
push_in_http_port=${settings.httpPort}
push_in_http_max_headers_size=10000
push_in_http_max_body_size=${MAX_BODY_BYTES}
stats_spec=ipc://{rundir}/{ipc_prefix}stats
command_spec=tcp://127.0.0.1:${zmqPorts[2]}
message_rate=${DELIVERIES_PER_SECOND}
message_hwm=${QUEUED_DELIVERIES}
message_wait=5000
id_cache_ttl=60
connection_subscription_max=20
subscription_linger=60
stats_subscription_ttl=60
stats_report_interval=10
stats_format=tnetstring
`;
}

/** The routes file beside it: everything goes to the application, WebSockets as HTTP requests. */
export function pushpinRoutes(originPort: number): string {
  return `* 127.0.0.1:${originPort},over_http\n`;
}
