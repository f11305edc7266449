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
      /** A token was accepted that is signed with the secret that is being replaced. */
      readonly type: "previous_secret_used";
      readonly topic: string;
      readonly userId: number;
      readonly address: string;
    }
  | {
      /** A token has been replaced by one that is good until `expires`, in Unix seconds. */
      readonly type: "refreshed";
      readonly topic: string;
      readonly userId: number;
      readonly address: string;
      readonly expires: number;
    }
  | {
      /** A token that should have replaced another is no good; the socket stays as it was. */
      readonly type: "refresh_refused";
      readonly topic: string;
      readonly userId: number;
      readonly address: string;
      readonly reason: string;
    }
  | {
      readonly type: "refused";
      readonly topic: string;
      readonly address: string;
      readonly reason: string;
    };
