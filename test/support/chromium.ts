import { type Browser, chromium } from "playwright-core";

/** Debian's. */
const CHROMIUM = "/usr/bin/chromium";

/** No sandbox for root, no connections of the browser's own. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a real browser without a window. */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}
