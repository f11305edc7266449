import { embedBundle, embedText } from "./embed.ts" with { type: "macro" };

/** A file of the page as it is sent. */
export interface ServedFile {
  readonly type: string;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What a browser may do on behalf of the page: load its three files, call this worker, nothing else.
 * No script and no style in the document itself, so that text from outside can never become one.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "Content-Security-Policy": CONTENT_SECURITY_POLICY,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  // After an update, the page and its script must be of one version.
  "Cache-Control": "no-store",
};

const DOCUMENT: string = embedText("index.html");
const STYLE: string = embedBundle("style.css");
const SCRIPT: string = embedBundle("main.ts");

/** The page (docs/console.md): the document, its style, its script. None of them holds any data. */
export const FILES = {
  "/": { type: "text/html; charset=utf-8", text: DOCUMENT, headers: HEADERS },
  "/console.css": { type: "text/css; charset=utf-8", text: STYLE, headers: HEADERS },
  "/console.js": { type: "text/javascript; charset=utf-8", text: SCRIPT, headers: HEADERS },
} as const satisfies Record<string, ServedFile>;
