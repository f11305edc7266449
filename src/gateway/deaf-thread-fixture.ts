/** A gateway thread for tests that starts, and then answers nothing any more. */
declare const self: Worker;

self.onmessage = ({ data: message }: MessageEvent<unknown>): void => {
  const isStart = typeof message === "object" && message !== null && "admission" in message;
  if (isStart) {
    self.postMessage({ kind: "listening" });
  }
};
