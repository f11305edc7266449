/**
 * A page as Wavelog's are: one socket, what arrives is shown. The socket's address and the token are
 * in the page's own address, where PHP would have put them into the HTML.
 */
import { BrowserClient } from "./browser-rules.ts";

/** As much of the browser's own objects as is used here. */
interface PageElement {
  textContent: string | null;
  append(child: PageElement): void;
}
declare const document: {
  querySelector(selector: string): PageElement;
  createElement(name: string): PageElement;
};
declare const location: { readonly search: string };

const state = document.querySelector("#state");
const events = document.querySelector("#events");
const query = new URLSearchParams(location.search);

new BrowserClient({
  url: query.get("url") ?? "",
  token: query.get("token") ?? "",
  onState: (now) => {
    state.textContent = now;
  },
  onPush: (payload) => {
    const item = document.createElement("li");
    item.textContent = JSON.stringify(payload);
    events.append(item);
  },
}).connect();
