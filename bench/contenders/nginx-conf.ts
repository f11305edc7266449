/** For the largest scenario, 18,000 sockets, should all of them come to one process. */
const CONNECTIONS = 20_000;
/** For connections that all come at once; nginx's own 511 would make clients repeat their SYN. */
const BACKLOG = 4096;
/** As the worker: larger events are refused. */
const MAX_BODY = "1m";
/** A publisher that keeps its connection is not to lose it after nginx's own 1,000 requests. */
const KEEPALIVE_REQUESTS = 1_000_000_000;

/** What differs from one nginx to another. */
export interface NchanSettings {
  /** The module's file. */
  readonly module: string;
  /** Absolute; for everything it writes. */
  readonly directory: string;
  readonly wsPort: number;
  readonly httpPort: number;
  /** Hexadecimal. */
  readonly secret: string;
  /** The most files one process may have open. */
  readonly openFiles: number;
  /** Whom the processes run as where nginx is started by root; undefined otherwise. */
  readonly user: string | undefined;
  readonly redisUrl: string | undefined;
}

function redisUpstream(redisUrl: string): string {
  return `
  upstream redis {
    nchan_redis_server ${redisUrl};
    nchan_redis_storage_mode nostore;
    nchan_redis_nostore_fastpublish on;
  }
`;
}

/**
 * The whole configuration of an nginx with nchan. Messages stay in nchan's memory as they do by
 * default: without, its documentation says, some may be missed when publishing quickly. A token is
 * what nginx's secure_link module checks, see {@link secureLinkToken}.
 */
export function nchanConf(settings: NchanSettings): string {
  const { directory, redisUrl, secret } = settings;
  const pass = redisUrl === undefined ? "" : "nchan_redis_pass redis;";
  return `daemon off;
${settings.user === undefined ? "" : `user ${settings.user};`}
load_module ${settings.module};
worker_processes auto;
worker_rlimit_nofile ${settings.openFiles};
pid ${directory}/nginx.pid;
error_log stderr warn;
events {
  worker_connections ${CONNECTIONS};
}
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  client_max_body_size ${MAX_BODY};
  client_body_buffer_size ${MAX_BODY};
  keepalive_requests ${KEEPALIVE_REQUESTS};
${redisUrl === undefined ? "" : redisUpstream(redisUrl)}
  server {
    listen 127.0.0.1:${settings.wsPort} reuseport backlog=${BACKLOG};
    location = /ws {
      secure_link $arg_token;
      secure_link_md5 "$secure_link_expires $arg_topic ${secret}";
      if ($secure_link != "1") { return 403; }
      nchan_subscriber websocket;
      nchan_subscriber_first_message newest;
      nchan_websocket_ping_interval 30;
      nchan_channel_id $arg_topic;
      ${pass}
    }
  }
  server {
    listen 127.0.0.1:${settings.httpPort} reuseport backlog=${BACKLOG};
    location = /publish {
      if ($http_x_worker_secret != "${secret}") { return 403; }
      nchan_publisher http;
      nchan_channel_id $arg_topic;
      ${pass}
    }
    location = /status {
      nchan_stub_status;
    }
  }
}
`;
}

/** A token for one topic, as {@link nchanConf} has nginx check it: its MD5, a comma, its end. */
export function secureLinkToken(secret: string, topic: string, expires: number): string {
  const hash = new Bun.CryptoHasher("md5").update(`${expires} ${topic} ${secret}`);
  return `${hash.digest("base64url")},${expires}`;
}
