import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { BrowserClient } from "./browser-rules.ts";

/** A socket that does what the test says. */
class ScriptedSocket extends EventTarget {
  readonly sent: string[] = [];
  isClosed = false;

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  opens(): void {
    this.dispatchEvent(new Event("open"));
  }

  hears(frame: object): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }

  ends(code: number): void {
    this.dispatchEvent(new CloseEvent("close", { code }));
  }
}

let sockets: ScriptedSocket[] = [];
let told: string[] = [];

beforeEach(() => {
  jest.useFakeTimers();
  sockets = [];
  told = [];
});

afterEach(() => {
  jest.useRealTimers();
});

function openPage(): BrowserClient {
  const page = new BrowserClient({
    url: "ws://localhost/ws?topic=a",
    token: "a token",
    onPush: (payload) => told.push(`push ${JSON.stringify(payload)}`),
    onState: (state, why) => told.push(why === "" ? state : `${state}: ${why}`),
    open: () => {
      const socket = new ScriptedSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
  });
  page.connect();
  return page;
}

function latest(): ScriptedSocket {
  const socket = sockets.at(-1);
  if (socket === undefined) {
    throw new Error("no socket was opened");
  }
  return socket;
}

function isLetIn(): void {
  latest().opens();
  latest().hears({ type: "auth_ok" });
}

test("sends its token, is live after auth_ok, and shows what is pushed", () => {
  openPage();
  isLetIn();
  latest().hears({ type: "push", payload: { n: 1 } });
  expect(latest().sent).toEqual(['{"type":"auth","token":"a token"}']);
  expect(told).toEqual(["connecting", "live", 'push {"n":1}']);
});

test("comes back a second after a close, and gives up when four retries have failed", () => {
  const page = openPage();
  isLetIn();
  latest().ends(1012);
  for (let retries = 1; retries <= 4; retries += 1) {
    expect(sockets).toHaveLength(retries);
    jest.advanceTimersByTime(999);
    expect(sockets).toHaveLength(retries);
    jest.advanceTimersByTime(1);
    expect(sockets).toHaveLength(retries + 1);
    latest().ends(1006);
  }
  expect(page.state).toBe("given up");
  jest.advanceTimersByTime(60_000);
  expect(sockets).toHaveLength(5);
});

test("counts its retries anew once it has been let in", () => {
  const page = openPage();
  for (let times = 0; times < 3; times += 1) {
    for (let retries = 0; retries < 4; retries += 1) {
      latest().ends(1006);
      jest.advanceTimersByTime(1000);
    }
    isLetIn();
    expect(page.state).toBe("live");
  }
});

test("waits 1.5 s for connect, upgrade and auth together", () => {
  const page = openPage();
  latest().opens();
  jest.advanceTimersByTime(1499);
  expect(page.state).toBe("connecting");
  jest.advanceTimersByTime(1);
  expect(page.state).toBe("waiting");
  expect(latest().isClosed).toBe(true);
  // What comes of that socket now is of no interest.
  latest().hears({ type: "auth_ok" });
  latest().ends(1006);
  expect(page.state).toBe("waiting");
});

test("gives up at once after an error frame", () => {
  openPage();
  latest().opens();
  latest().hears({ type: "error", code: "unauthorized" });
  jest.advanceTimersByTime(60_000);
  expect(told).toEqual(["connecting", 'given up: error "unauthorized"']);
  expect(sockets).toHaveLength(1);
});
