import { byId, setText } from "./dom.ts";

/** Where the secret is kept: for this tab, until it is closed. */
const KEY = "wavelog-worker-secret";

/** Why the secret is asked for again. */
export type DoorReason = "first" | "forbidden" | "changed" | "locked";

const REASONS: Readonly<Record<DoorReason, string>> = {
  first: "",
  forbidden:
    "That is not this worker's secret. It is the text behind worker_secret in the worker's configuration file (or WAVELOG_WORKER_WORKER_SECRET in its environment).",
  changed: "The secret has been changed meanwhile: enter the new one.",
  locked: "",
};

/** Asks for the secret, and keeps it for the tab. */
export class Door {
  readonly #door = byId("door", HTMLElement);
  readonly #field = byId("secret", HTMLInputElement);
  readonly #problem = byId("secret-problem", HTMLElement);
  readonly #submit = byId("secret-submit", HTMLButtonElement);

  /** @param onSecret Somebody has entered one. */
  constructor(onSecret: (secret: string) => void) {
    byId("secret-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const secret = this.#field.value.trim();
      if (secret !== "") {
        this.#busy(true);
        onSecret(secret);
      }
    });
  }

  /** The secret that the tab has. */
  static kept(): string | undefined {
    return sessionStorage.getItem(KEY) ?? undefined;
  }

  /** Asks for it. */
  open(reason: DoorReason): void {
    sessionStorage.removeItem(KEY);
    this.#busy(false);
    this.#door.hidden = false;
    setText(this.#problem, REASONS[reason]);
    this.#field.setAttribute("aria-invalid", String(REASONS[reason] !== ""));
    this.#field.value = "";
    this.#field.focus();
  }

  /** Says why it cannot be tried at the moment; what was typed stays. */
  explain(problem: string): void {
    setText(this.#problem, problem);
  }

  /** The worker has taken it. */
  close(secret: string): void {
    sessionStorage.setItem(KEY, secret);
    this.#busy(false);
    this.#field.value = "";
    this.#door.hidden = true;
  }

  #busy(isBusy: boolean): void {
    this.#submit.disabled = isBusy;
    setText(this.#submit, isBusy ? "Opening…" : "Open");
  }
}
