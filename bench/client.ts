import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Launch } from "./contenders/contender.ts";
import { within } from "./deadline.ts";

/** For a subscription to stand, and for a connection. */
const PATIENCE_MS = 5_000;
const HEAD_END = "\r\n\r\n";

function fill(text: string, launch: Launch, topic: string): string {
  return text.replaceAll("{topic}", topic).replaceAll("{token}", launch.token(topic));
}

/** One browser in this process, for what is measured one event at a time. */
export class Browser implements Disposable {
  readonly #socket: WebSocket;
  readonly #launch: Launch;
  readonly #topic: string;
  readonly #standing = Promise.withResolvers<void>();
  #turn = 0;
  /** Called with each payload. */
  onPayload: (payload: string) => void = () => undefined;

  private constructor(launch: Launch, topic: string) {
    this.#launch = launch;
    this.#topic = topic;
    const path = fill(launch.dialect.subscribe, launch, topic);
    this.#socket = new WebSocket(`ws://127.0.0.1:${launch.wsPort}${path}`);
    this.#socket.onopen = () => this.#say();
    this.#socket.onclose = ({ code }) =>
      this.#standing.reject(new Error(`the subscriber was closed with ${code}`));
    this.#socket.onmessage = ({ data }) => this.#hear(String(data));
  }

  /** Subscribes as the server's dialect wants it. Throws when it does not stand within 5 s. */
  static async subscribe(launch: Launch, topic: string): Promise<Browser> {
    const browser = new Browser(launch, topic);
    try {
      await within(PATIENCE_MS, "the subscriber to be let in", browser.#standing.promise);
      return browser;
    } catch (error) {
      browser[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket.onclose = null;
    this.#socket.close();
  }

  #say(): void {
    const { talk } = this.#launch.dialect;
    while (true) {
      const turn = talk[this.#turn];
      if (turn === undefined) {
        this.#standing.resolve();
        return;
      }
      if ("await" in turn) return;
      this.#socket.send(fill(turn.send, this.#launch, this.#topic));
      this.#turn++;
    }
  }

  #hear(text: string): void {
    const { talk, ping, push } = this.#launch.dialect;
    if (text === ping?.text) {
      this.#socket.send(ping.answer);
      return;
    }
    const turn = talk[this.#turn];
    if (turn === undefined) {
      if (text.startsWith(push.prefix) && text.endsWith(push.suffix)) {
        this.onPayload(text.slice(push.prefix.length, text.length - push.suffix.length));
      }
    } else if ("await" in turn && text.startsWith(turn.await)) {
      this.#turn++;
      this.#say();
    } else {
      this.#standing.reject(new Error(`the subscriber heard ${text.slice(0, 100)}`));
    }
  }
}

/** The status of an HTTP answer once all of it is there; undefined before. */
function statusOf(answer: string): number | undefined {
  const head = answer.indexOf(HEAD_END);
  if (head < 0) return undefined;
  const length = /^content-length: *(\d+)/im.exec(answer.slice(0, head))?.[1] ?? "0";
  if (answer.length < head + HEAD_END.length + Number(length)) return undefined;
  return Number(answer.split(" ", 2)[1]);
}

/** Publishes over one connection that is kept, one event at a time. */
export class Publisher implements Disposable {
  readonly #socket: Socket;
  readonly #launch: Launch;
  readonly #topic: string;
  #answer = "";
  #waiting: PromiseWithResolvers<void> | undefined;

  private constructor(socket: Socket, launch: Launch, topic: string) {
    this.#socket = socket;
    this.#launch = launch;
    this.#topic = topic;
    // So that one character is one byte of the answer.
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => this.#read(chunk));
    socket.on("error", (error) => this.#waiting?.reject(error));
    socket.on("close", () => this.#waiting?.reject(new Error("the publisher was cut off")));
  }

  /** Throws when the server takes no connection within 5 s. */
  static async open(launch: Launch, topic: string): Promise<Publisher> {
    const socket = connect({ host: "127.0.0.1", port: launch.httpPort, noDelay: true });
    await within(PATIENCE_MS, "the publisher to be connected", once(socket, "connect"));
    return new Publisher(socket, launch, topic);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  /** Makes the request for a payload, which is JSON in ASCII. */
  request(payload: string): string {
    const { path, headers, prefix, suffix, escaped } = this.#launch.dialect.publish;
    const fillIn = (text: string) => fill(text, this.#launch, this.#topic);
    const inside = escaped ? JSON.stringify(payload).slice(1, -1) : payload;
    const body = fillIn(prefix) + inside + fillIn(suffix);
    const lines = [
      `POST ${fillIn(path)} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Content-Type: application/json",
      ...headers,
      `Content-Length: ${body.length}`,
    ];
    return `${lines.join("\r\n")}${HEAD_END}${body}`;
  }

  /** Sends a request; resolves once it is accepted. Throws when it is not. */
  async publish(request: string): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#waiting = waiting;
    this.#socket.write(request);
    await waiting.promise;
  }

  #read(chunk: string): void {
    this.#answer += chunk;
    const status = statusOf(this.#answer);
    if (status === undefined) return;
    this.#answer = "";
    if (status >= 200 && status < 300) this.#waiting?.resolve();
    else this.#waiting?.reject(new Error(`a publish was answered with ${status}`));
  }
}
