import type { Incident } from "../../protocol/incident.ts";
import type { SnapshotMessage } from "../messages.ts";
import { byId, make, setAttribute, setText } from "./dom.ts";
import { ago, clockTime, count, counted, lengthSince, nodeName } from "./format.ts";
import { heardNodes } from "./heard-nodes.ts";

/** How bad things are, as the page shows it. */
type Mood = "well" | "quiet" | "warning" | "error";

/** Shows in a sentence how the cluster does, and of each trouble where, since when, why, what to do. */
export class VerdictView {
  readonly #section = byId("verdict", HTMLElement);
  readonly #title = byId("verdict-title", HTMLElement);
  readonly #text = byId("verdict-text", HTMLElement);
  readonly #problems = byId("problems", HTMLUListElement);
  #shown = "";

  show(snapshot: SnapshotMessage, hosts: ReadonlyMap<string, string>): void {
    const problems = snapshot.incidents.filter(
      ({ level, until }) => until === null && level !== "info",
    );
    const { mood, title, text } = verdictOf(snapshot, problems);
    setAttribute(this.#section, "data-mood", mood);
    setText(this.#title, title);
    setText(this.#text, text);
    document.title =
      problems.length === 0
        ? "Wavelog Worker"
        : `(${problems.length}) ${counted(problems.length, "problem")} – Wavelog Worker`;
    const shown = JSON.stringify([problems, [...hosts]]);
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.#problems.replaceChildren(
        ...problems.map((problem) => problemItem(problem, snapshot.at, hosts)),
      );
    }
    for (const time of this.#problems.querySelectorAll("time")) {
      setText(time, sinceOf(time.dateTime, snapshot.at));
    }
  }
}

function verdictOf(
  snapshot: SnapshotMessage,
  problems: readonly Incident[],
): { mood: Mood; title: string; text: string } {
  const here = heardNodes(snapshot);
  const sockets = here.reduce((sum, node) => sum + node.sockets, 0);
  const known = snapshot.nodes.filter(({ state }) => state !== "gone" && state !== "left");
  const unheard = known.length - here.length;
  const who =
    unheard === 0
      ? `${counted(here.length, "node")} ${here.length === 1 ? "serves" : "serve"} ${counted(sockets, "browser")}`
      : `this node serves ${counted(sockets, "browser")}, and nothing is heard of ${counted(unheard, "other")}`;
  if (problems.length > 0) {
    const isBad = problems.some(({ level }) => level === "error");
    return {
      mood: isBad ? "error" : "warning",
      title:
        problems.length === 1
          ? "There is a problem"
          : `There are ${count(problems.length)} problems`,
      text: `Meanwhile ${who}.`,
    };
  }
  const last = here
    .flatMap(({ last_publish }) => last_publish ?? [])
    .sort()
    .at(-1);
  const lastAgo = last === undefined ? undefined : ago(last, snapshot.at);
  if (lastAgo === undefined) {
    return {
      mood: "quiet",
      title: "Nothing has come from Wavelog yet",
      text: `${who}, and no event was published since the start. If there should be some: does Wavelog's configuration name this worker's internal address, with the same worker_secret?`,
    };
  }
  if (sockets === 0) {
    return {
      mood: "quiet",
      title: "No browser is connected",
      text: `Events come from Wavelog, the last one ${lastAgo}, and nobody watches. If somebody should: does your web server pass /ws on to ws_port, as a WebSocket? Does Wavelog's configuration name that address for browsers?`,
    };
  }
  return {
    mood: "well",
    title: "All is well",
    text: `${who}. The last event came ${lastAgo}.`,
  };
}

function problemItem(
  { node, level, text, advice, since }: Incident,
  at: number,
  hosts: ReadonlyMap<string, string>,
): HTMLLIElement {
  const item = make(
    "li",
    { attributes: { "data-level": level } },
    make(
      "p",
      { class: "problem-what" },
      make("strong", { text: `Node ${nodeName(node, hosts)}` }),
      document.createTextNode(` ${text}.`),
    ),
    make(
      "p",
      { class: "problem-since" },
      document.createTextNode("Since "),
      make("time", { text: sinceOf(since, at), attributes: { datetime: since } }),
    ),
  );
  if (advice !== "") {
    item.append(
      make(
        "p",
        { class: "problem-advice" },
        make("span", { class: "label", text: "What to do" }),
        document.createTextNode(` ${advice}`),
      ),
    );
  }
  return item;
}

function sinceOf(since: string, at: number): string {
  return `${clockTime(since, at)}, for ${lengthSince(since, at) ?? "some time"}`;
}
