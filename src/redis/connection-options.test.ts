import { describe, expect, test } from "bun:test";
import { type ConnectionOptions, connectionOptions } from "./connection-options.ts";

const TIMEOUT = { connectTimeout: 1234 };
const CA = "PEM text";

describe("redis_url is read:", () => {
  const URLS: readonly [url: string, options: ConnectionOptions][] = [
    ["redis://example.org", { database: 0, socket: { host: "example.org", port: 6379 } }],
    ["redis://example.org/", { database: 0, socket: { host: "example.org", port: 6379 } }],
    ["redis://127.0.0.1:7000/2", { database: 2, socket: { host: "127.0.0.1", port: 7000 } }],
    ["redis://[::1]:7000/15", { database: 15, socket: { host: "::1", port: 7000 } }],
    ["redis://[fe80::1]", { database: 0, socket: { host: "fe80::1", port: 6379 } }],
    ["redis://:secret@h/1", { password: "secret", database: 1, socket: { host: "h", port: 6379 } }],
    [
      "redis://user:secret@h",
      { username: "user", password: "secret", database: 0, socket: { host: "h", port: 6379 } },
    ],
    ["redis://user@h", { username: "user", database: 0, socket: { host: "h", port: 6379 } }],
    ["redis://@h", { database: 0, socket: { host: "h", port: 6379 } }],
    [
      "redis://u%40x:p%3A%2F%3F%23%25%20%C3%BC@h:1/0",
      { username: "u@x", password: "p:/?#% \u00fc", database: 0, socket: { host: "h", port: 1 } },
    ],
    [
      "rediss://user:secret@h:6380/3",
      {
        username: "user",
        password: "secret",
        database: 3,
        socket: { host: "h", port: 6380, tls: true },
      },
    ],
    [
      "unix:///run/redis/redis.sock",
      { database: 0, socket: { path: "/run/redis/redis.sock", tls: false } },
    ],
    ["unix:///run/a%20b.sock?db=7", { database: 7, socket: { path: "/run/a b.sock", tls: false } }],
    [
      "unix:///s?password=p%26%3D%2B&user=worker&db=1",
      { username: "worker", password: "p&=+", database: 1, socket: { path: "/s", tls: false } },
    ],
    ["unix:///s?user=&password=", { database: 0, socket: { path: "/s", tls: false } }],
  ];
  for (const [url, { socket, ...login }] of URLS) {
    test(url, () => {
      const options: object = connectionOptions(url, undefined, 1234);
      expect(options).toEqual({ ...login, socket: { ...socket, ...TIMEOUT } });
    });
  }
});

describe("the authority that may have signed", () => {
  test("is given to TLS", () => {
    expect(connectionOptions("rediss://h", CA, 1234).socket).toEqual({
      host: "h",
      port: 6379,
      connectTimeout: 1234,
      tls: true,
      ca: CA,
    });
  });

  test("plays no part elsewhere", () => {
    for (const url of ["redis://h", "unix:///s"]) {
      expect(connectionOptions(url, CA, 1234)).toEqual(connectionOptions(url, undefined, 1234));
    }
  });
});

test("a percent sign that escapes nothing stands for itself, rather than end the program", () => {
  expect(connectionOptions("redis://user%:50%@h", undefined, 1234)).toEqual({
    username: "user%",
    password: "50%",
    database: 0,
    socket: { host: "h", port: 6379, connectTimeout: 1234 },
  });
  expect(connectionOptions("unix:///tmp/100%.sock", undefined, 1234).socket).toEqual({
    path: "/tmp/100%.sock",
    tls: false,
    connectTimeout: 1234,
  });
});
