import { isIP } from "node:net";
import fc from "fast-check";
import { reachableAt, webSocketEndpoint } from "../../../src/cli/addresses.ts";
import { bindsOverlap, listenAddress, parseBindAddress } from "../../../src/config/bind-address.ts";
import { clientAddress } from "../../../src/gateway/client-address.ts";
import { must, mustBeOneLine, mustEqual } from "../check.ts";
import { mutated } from "../generate/mutation.ts";
import { repeatedText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

interface Case {
  /** What a client or a proxy writes, and where the connection comes from. */
  readonly forwardedFor: string | null;
  readonly realIp: string | null;
  readonly peer: string;
  /** What an operator writes. */
  readonly bind: string;
  readonly otherBind: string;
  readonly url: string;
}

const ip = fc.oneof(fc.ipV4(), fc.ipV6());

/** An address as proxies write it. */
const written = fc.oneof(
  ip,
  fc.ipV4().map((text) => `${text}:443`),
  fc.ipV6().map((text) => `[${text}]:443`),
  fc.ipV6().map((text) => `${text}%eth0`),
  fc.ipV4().map((text) => `::ffff:${text}`),
  fc.constantFrom("unknown", "_hidden", "", "localhost", "256.1.1.1", "1.2.3", "::1::"),
);

const anyText = fc.oneof(written, mutated(written), wildText());

const list = fc
  .tuple(fc.array(anyText, { maxLength: 4 }), fc.constantFrom(",", ", ", " ,\t"))
  .map(([all, comma]) => all.join(comma));

const header = fc.option(
  seldom(list, 300, repeatedText(fc.constantFrom(",", "1.", ":", "[", "%", " "), 0x1_0000)),
);

const bind = fc.oneof(
  { weight: 2, arbitrary: ip },
  { weight: 3, arbitrary: fc.constantFrom("", "::", "0.0.0.0", "localhost", "127.0.0.1", "::1") },
  { weight: 2, arbitrary: fc.domain() },
  { weight: 2, arbitrary: anyText },
  {
    weight: 1,
    arbitrary: seldom(wildText(), 50, repeatedText(fc.constantFrom("a", "a.", "1."), 9000)),
  },
);

const url = fc.oneof(
  fc.webUrl({ validSchemes: ["ws", "wss", "http"], withQueryParameters: true }),
  fc
    .tuple(fc.constantFrom("ws://", "wss:", "ws:/", "WS://a", ""), wildText())
    .map((all) => all.join("")),
);

const cases: fc.Arbitrary<Case> = fc.record({
  forwardedFor: header,
  realIp: header,
  peer: fc.oneof(ip, fc.constant("")),
  bind,
  otherBind: bind,
  url,
});

function check(input: Case): void {
  checkClient(input);
  const one = checkBind(input.bind);
  const other = checkBind(input.otherBind);
  if (one !== undefined && other !== undefined) {
    must(bindsOverlap(one, one), `${one} does not overlap itself`);
    mustEqual(bindsOverlap(one, other), bindsOverlap(other, one), `${one} and ${other} overlap`);
  }
  const endpoint = webSocketEndpoint(input.url);
  if (endpoint !== undefined) {
    must(/^wss?:$/.test(endpoint.protocol), "an endpoint of another protocol");
    must(endpoint.pathname.endsWith("/ws"), "an endpoint without its path");
    must(endpoint.search === "" && endpoint.hash === "", "an endpoint with more than its path");
    mustEqual(webSocketEndpoint(endpoint.href)?.href, endpoint.href, "an endpoint, read again");
  }
}

/** What is logged as a client's address is one, and one that somebody gave. */
function checkClient({ forwardedFor, realIp, peer }: Case): void {
  const { address } = clientAddress(forwardedFor, realIp, peer, () => true);
  must(address === "unknown" || isIP(address) !== 0, `${address} is no address`);
  const given = `${forwardedFor} ${realIp} ${peer}`.toLowerCase();
  must(address === "unknown" || given.includes(address.toLowerCase()), `${address} is nobody's`);
  must(!address.includes("%"), `${address} has a zone`);
  must(address !== "unknown" || isIP(peer) === 0, "a client's own address is not known");
}

function checkBind(text: string): string | undefined {
  const result = parseBindAddress(text);
  if (!result.ok) {
    mustBeOneLine(result.problem, 200, "a problem");
    return undefined;
  }
  const { address } = result;
  must(address !== "" && !/[\s/[\]]/.test(address), `${address} is no address`);
  must(isIP(listenAddress(address, false)) !== 6 || address !== "::", "IPv6 without IPv6");
  const place = `http://${reachableAt(address, 9001)}/`;
  // A zone is for the system, and no URL has one; Bun's URL does not read all of those with dots.
  const isSpecial = address.includes("%") || (isIP(address) === 6 && address.includes("."));
  must(isSpecial || URL.canParse(place), `${place} leads nowhere`);
  return address;
}

/** Addresses that clients, proxies and operators write. */
export const addresses = pureTarget<Case>({
  name: "addresses",
  weight: 3,
  cases,
  check,
  size: ({ forwardedFor, realIp, bind: text, url: endpoint }) =>
    (forwardedFor ?? "").length + (realIp ?? "").length + text.length + endpoint.length,
});
