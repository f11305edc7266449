/** The operator's page: asks for the secret, then shows what the worker tells once a second. */
import type { SnapshotMessage } from "../messages.ts";
import { ChartsView } from "./charts.ts";
import { Connection, type LinkState, type Receiver } from "./connection.ts";
import { byId, setText } from "./dom.ts";
import { Door } from "./door.ts";
import { EndsView } from "./ends.ts";
import { clockTime, shortNode } from "./format.ts";
import { IncidentsView } from "./incidents.ts";
import { LinkView, LOSSES } from "./link-view.ts";
import { NodesView } from "./nodes.ts";
import { Series } from "./series.ts";
import { TestForm } from "./test-form.ts";
import { startTheme } from "./theme.ts";
import { TilesView } from "./tiles.ts";
import { TopicsView } from "./topics.ts";
import { VerdictView } from "./verdict.ts";

const page = byId("console", HTMLElement);
const forget = byId("forget", HTMLButtonElement);
const foot = byId("foot", HTMLElement);

const series = new Series();
const verdict = new VerdictView();
const tiles = new TilesView();
const nodes = new NodesView();
const charts = new ChartsView(series);
const incidents = new IncidentsView();
const ends = new EndsView();
const link = new LinkView(() => connection?.hurry());
const door = new Door((secret) => enter(secret));
const testForm = new TestForm(() => openWith);
const topics = new TopicsView((topic) => testForm.choose(topic));

let connection: Connection | undefined;
/** The secret in use. */
let openWith = "";

function enter(secret: string): void {
  openWith = secret;
  connection?.end();
  connection = new Connection(secret, receiver);
  connection.open();
}

function lock(reason: "forbidden" | "changed" | "locked"): void {
  connection?.end();
  connection = undefined;
  openWith = "";
  page.hidden = true;
  forget.hidden = true;
  door.open(reason);
}

const receiver: Receiver = {
  state(state) {
    link.show(state);
    switch (state.state) {
      case "live":
        door.close(openWith);
        page.hidden = false;
        forget.hidden = false;
        return;
      case "refused":
        lock(state.why);
        return;
      case "lost":
        explainAtDoor(state);
        return;
      case "connecting":
        return;
    }
  },
  history: (message) => series.start(message),
  snapshot(snapshot) {
    series.add(snapshot);
    if (!page.hidden) {
      show(snapshot);
    }
  },
  topics: (message) => topics.show(message),
};

/** Nobody is in yet, and there is no connection. */
function explainAtDoor({ why }: Extract<LinkState, { state: "lost" }>): void {
  if (page.hidden) {
    door.explain(`${LOSSES[why]} Trying again…`);
  }
}

function show(snapshot: SnapshotMessage): void {
  const hosts = new Map(snapshot.nodes.map(({ node, host }) => [node, host]));
  verdict.show(snapshot, hosts);
  tiles.show(snapshot);
  nodes.show(snapshot);
  charts.show(snapshot.redis !== "off");
  incidents.show(snapshot, hosts);
  ends.show(snapshot);
  topics.setCluster(snapshot.nodes.length > 1);
  const time = clockTime(new Date(snapshot.at).toISOString(), snapshot.at);
  setText(
    foot,
    `Told by node ${shortNode(snapshot.node)} at ${time}${snapshot.redis_address === "" ? "" : `, Redis at ${snapshot.redis_address}`}.`,
  );
}

startTheme(() => charts.recolour());
forget.addEventListener("click", () => {
  lock("locked");
  link.show({ state: "refused", why: "forbidden" });
});
addEventListener("online", () => connection?.hurry());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    connection?.hurry();
  }
});

const kept = Door.kept();
if (kept === undefined) {
  link.show({ state: "refused", why: "forbidden" });
  door.open("first");
} else {
  enter(kept);
}
