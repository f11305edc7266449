/** A reason for which browsers left or were not let in, in words, and what to do about it. */
interface Reason {
  readonly words: string;
  readonly advice?: string;
}

/** By the names that the worker counts under; `docs/metrics.md` has them too. */
const ENDS: Readonly<Record<string, Reason>> = {
  client: { words: "left by themselves: the page was closed, or another one opened" },
  lost: {
    words: "the connection broke",
    advice:
      "Normal for phones. If it is everybody at once, look at the proxy: its timeout has to be longer than 60 s.",
  },
  slow_reader: {
    words: "read too slowly",
    advice: "A bad line, or the proxy buffers. See max_buffered.",
  },
  restart: { words: "this worker was stopped; they came back to another one, or to its successor" },
  going_away: { words: "this worker was stopped" },
  silent: {
    words: "gave no sign of life for 60 s",
    advice: "A line that broke without a word; normal for phones.",
  },
  auth_expired: { words: "their token expired; a reload of the page gives them a new one" },
  policy: { words: "broke the rules of the handshake" },
  too_big: { words: "sent a frame that is too big" },
  handshake_timeout: { words: "did not authenticate in time" },
  other: { words: "something else" },
};

const REFUSALS: Readonly<Record<string, Reason>> = {
  max_connections: {
    words: "max_connections is reached",
    advice: "Raise it or the file limit, or add a worker.",
  },
  max_connections_per_ip: {
    words: "max_connections_per_ip is reached",
    advice: "Raise it, or add your proxy to trusted_proxies.",
  },
  max_pending: {
    words: "max_pending is reached",
    advice: "Strangers hold sockets, or it is too low.",
  },
  max_pending_per_ip: {
    words: "max_pending_per_ip is reached",
    advice: "Raise it, or add your proxy to trusted_proxies.",
  },
  auth: {
    words: "no valid token",
    advice: "If it is everybody: is worker_secret the same in Wavelog? Are the clocks right?",
  },
  origin: {
    words: "their page's origin is not in allowed_origins",
    advice: "Add it there if the page is yours.",
  },
  topic_not_registered: {
    words: "their topic is not registered",
    advice: "If it is everybody, Wavelog does not reach the internal API.",
  },
  handshake_timeout: { words: "did not authenticate within 10 s" },
  closed_before_auth: { words: "were gone before they had authenticated" },
  bad_request: { words: "were no browsers of Wavelog's" },
  url_too_long: { words: "had a URL that is too long" },
};

/** Why a browser left. */
export function endReason(name: string): Reason {
  return reasonIn(ENDS, name);
}

/** Why a browser was not let in. */
export function refusalReason(name: string): Reason {
  return reasonIn(REFUSALS, name);
}

/** A newer worker may count under a name that this page does not know. */
function reasonIn(known: Readonly<Record<string, Reason>>, name: string): Reason {
  return known[name] ?? { words: name.replaceAll("_", " ") };
}
