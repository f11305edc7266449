import { describe, expect, test } from "bun:test";
import { makeToken, newSecret } from "../token.ts";
import { isTokenFor } from "./token.mjs";

const secret = newSecret();
const token = makeToken(secret, "radio.1");

describe("the token check of the peers on Node", () => {
  test("takes a token as Wavelog makes it", () => {
    expect(isTokenFor(secret, "radio.1", token)).toBe(true);
  });

  test("refuses one for another topic, and one of another secret", () => {
    expect(isTokenFor(secret, "radio.2", token)).toBe(false);
    expect(isTokenFor(newSecret(), "radio.1", token)).toBe(false);
  });

  test("refuses one whose claims were changed under the signature", () => {
    const [, signature = ""] = token.split(".");
    const claims = { user_id: 1, topic: "radio.2", expires: 9_999_999_999 };
    const forged = Buffer.from(JSON.stringify(claims)).toString("hex");
    expect(isTokenFor(secret, "radio.2", `${forged}.${signature}`)).toBe(false);
  });

  test("refuses one that has expired", () => {
    const claims = Buffer.from('{"user_id":1,"topic":"radio.1","expires":1}').toString("hex");
    const signature = new Bun.CryptoHasher("sha256", secret).update(claims).digest("hex");
    expect(isTokenFor(secret, "radio.1", `${claims}.${signature}`)).toBe(false);
  });

  test("refuses what is no token at all, without throwing", () => {
    for (const text of ["", ".", "zz.zz", undefined, null, 7, {}]) {
      expect(isTokenFor(secret, "radio.1", text)).toBe(false);
    }
  });
});
