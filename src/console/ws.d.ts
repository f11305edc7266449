/**
 * The parts of `ws` that are used. Bun brings it along, and puts it in the place of the package of
 * that name; its types come with neither.
 */
declare module "ws" {
  import type { IncomingMessage } from "node:http";
  import type { Duplex } from "node:stream";

  export interface WebSocket {
    /** Bytes that have been given to `send` and not to the network. */
    readonly bufferedAmount: number;
    send(text: string): void;
    ping(): void;
    close(code: number, reason: string): void;
    /** Ends the connection without a word. */
    terminate(): void;
    on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): void;
    on(event: "pong", listener: () => void): void;
    on(event: "close", listener: () => void): void;
    on(event: "error", listener: (fault: Error) => void): void;
  }

  export class WebSocketServer {
    constructor(options: {
      readonly noServer: true;
      readonly maxPayload: number;
      readonly perMessageDeflate: false;
      readonly clientTracking: false;
    });
    /** Answers the handshake, with an error if it is none. */
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      opened: (socket: WebSocket) => void,
    ): void;
  }
}
