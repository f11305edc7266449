/**
 * Something that happened to a socket, or to somebody who wanted one. The gateway reports it, and
 * whoever counts or logs takes it.
 */
export type SocketEvent =
  | {
      readonly type: "connected";
      readonly topic: string;
      readonly userId: number;
      readonly address: string;
    }
  | {
      readonly type: "disconnected";
      readonly topic: string;
      readonly userId: number;
      readonly address: string;
      readonly code: number;
      readonly reason: string;
      /** From upgrade to close, in milliseconds. */
      readonly durationMs: number;
    }
  | {
      readonly type: "refused";
      readonly topic: string;
      readonly address: string;
      readonly reason: string;
    };
