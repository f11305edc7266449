const SECRET_BYTES = 32;
const SECONDS_PER_DAY = 86_400;
const MS_PER_SECOND = 1000;

/** A new random secret: 64 hexadecimal digits. */
export function newSecret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(SECRET_BYTES))).toString("hex");
}

/** A token for one topic, valid for a day, as Wavelog makes it. */
export function makeToken(secret: string, topic: string): string {
  const expires = Math.floor(Date.now() / MS_PER_SECOND) + SECONDS_PER_DAY;
  const claims = Buffer.from(JSON.stringify({ user_id: 1, topic, expires })).toString("hex");
  const signature = new Bun.CryptoHasher("sha256", secret).update(claims).digest("hex");
  return `${claims}.${signature}`;
}
