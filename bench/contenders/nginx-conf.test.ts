import { describe, expect, test } from "bun:test";
import { nchanConf, secureLinkToken } from "./nginx-conf.ts";

const settings = {
  module: "/m/nchan.so",
  directory: "/d",
  wsPort: 9000,
  httpPort: 9001,
  secret: "abc",
  openFiles: 1234,
  user: undefined,
  redisUrl: undefined,
};

describe("the configuration of nginx with nchan", () => {
  test("knows no Redis and no user unless it is given one", () => {
    const conf = nchanConf(settings);
    expect(conf).not.toContain("redis");
    expect(conf).not.toContain("user ");
    expect(conf).toContain("worker_rlimit_nofile 1234;");
  });

  test("passes both sides through Redis in a cluster", () => {
    const conf = nchanConf({ ...settings, redisUrl: "redis://127.0.0.1:7000", user: "root" });
    expect(conf).toContain("nchan_redis_server redis://127.0.0.1:7000;");
    expect(conf.match(/nchan_redis_pass redis;/g)).toHaveLength(2);
    expect(conf).toContain("user root;");
  });

  test("a token is the MD5 that nginx computes from end, topic and secret", () => {
    // printf '5 t.1 abc' | openssl md5 -binary | base64 | tr -d =
    expect(secureLinkToken("abc", "t.1", 5)).toBe("ojiPVqkKKvoqF4HR7a70Rg,5");
  });
});
