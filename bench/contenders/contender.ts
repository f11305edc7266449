import type { ContenderName } from "../report/types.ts";
import type { Setup } from "../setup.ts";

/** A text frame to send, or the beginning of one that must come before anything else is said. */
export type Turn = { readonly send: string } | { readonly await: string };

/**
 * How the load generator speaks to a server. `{topic}` and `{token}` are replaced in what is sent.
 * No text may contain a tab or a line end.
 */
export interface Dialect {
  /** Path and query of the upgrade request. */
  readonly subscribe: string;
  /** What is said after the upgrade until the subscription stands; `[]` when the 101 is all. */
  readonly talk: readonly Turn[];
  /** What stands around each pushed payload, in one text frame. */
  readonly push: { readonly prefix: string; readonly suffix: string };
  /** A ping that is a text frame, and its answer (Engine.IO). */
  readonly ping?: { readonly text: string; readonly answer: string };
  /** Any 2xx with a Content-Length has accepted the event. */
  readonly publish: {
    readonly path: string;
    /** Whole lines, "X-Worker-Secret: …". */
    readonly headers: readonly string[];
    /** The body is prefix, payload as JSON, suffix. */
    readonly prefix: string;
    readonly suffix: string;
    /** Whether the payload stands inside a JSON string, so that its quotes are escaped. */
    readonly escaped: boolean;
  };
}

/** What a server is started with; the bench gives it. */
export interface Place {
  readonly setup: Setup;
  /** Free ports of 127.0.0.1. */
  readonly wsPort: number;
  readonly httpPort: number;
  readonly morePorts: (count: number) => Promise<number[]>;
  /** For this server's files alone. */
  readonly directory: string;
  /** The same for all nodes of one cluster. */
  readonly secret: string;
  /** Where the nodes of a cluster meet; undefined for a server by itself. */
  readonly redisUrl: string | undefined;
}

/** A server that can be started now. */
export interface Launch {
  /** Stays in the foreground and in its session; SIGTERM ends it and all it started. */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly version: string;
  readonly wsPort: number;
  readonly httpPort: number;
  readonly dialect: Dialect;
  /** What lets a browser subscribe to a topic; "" where nothing is asked. */
  token(topic: string): string;
  /** Called when both ports take connections and before sockets come. */
  prepare?(topics: readonly string[]): Promise<void>;
  /** A GET at the HTTP port that is answered with 200 as soon as it serves. */
  readonly probe: { readonly path: string; readonly headers: readonly string[] };
}

/** A server that is measured, set up as its own documentation advises for this job. */
export interface Contender {
  readonly name: ContenderName;
  /** What it is called in tables: "nginx + nchan". */
  readonly title: string;
  /** In one line: what was set, and by whose advice. */
  readonly settings: string;
  /** Why several of it cannot be one cluster through Redis; undefined when they can. */
  readonly cannotCluster: string | undefined;
  /** What is missing on this machine and how to get it; undefined when nothing is. */
  missing(): Promise<string | undefined>;
  /** Files and folders that must be shipped to run it; system libraries are not counted. */
  shipped(setup: Setup): Promise<readonly string[]>;
  /** Writes its configuration and tells how to start it. Throws when that cannot be done. */
  launch(place: Place): Promise<Launch>;
}
