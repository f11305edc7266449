/** What an element is made with: attributes, and properties that are not attributes. */
interface Made {
  readonly class?: string;
  readonly text?: string;
  /** Attributes by name; `undefined` leaves one out. */
  readonly attributes?: Readonly<Record<string, string | undefined>>;
}

/** Makes an element. Whatever text is given stays text: nothing is ever parsed as HTML. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  { class: name, text, attributes = {} }: Made = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (name !== undefined) {
    element.className = name;
  }
  if (text !== undefined) {
    element.textContent = text;
  }
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined) {
      element.setAttribute(attribute, value);
    }
  }
  element.append(...children);
  return element;
}

/** The element of the document with this id, of this kind. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) {
    throw new Error(`the page has no ${kind.name} "${id}"`);
  }
  return element;
}

/** Puts a text into an element, unless it is there already: readers are not disturbed then. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Sets an attribute, unless it is so already. */
export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}
