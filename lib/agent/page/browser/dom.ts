/** Elements that stay the same from look to look, so that focus and animations do. Text is text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

type Attributes = Readonly<Record<string, string | number>>;

/** A new HTML element. */
export function html<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  if (className !== "") element.className = className;
  element.textContent = text;
  return element;
}

/** A new SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, name) as SVGElementTagNameMap[K];
  set(element, attributes);
  return element;
}

/** Sets what differs. */
export function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes))
    if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** Sets the text where it differs. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The element of the page that has this id. */
export function byId<T extends Element = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no element ${id}`);
  return element as unknown as T;
}

interface Keyed<T, E extends Element> {
  readonly key: (item: T) => string;
  readonly make: (item: T) => E;
  readonly update: (element: E, item: T) => void;
}

const KEY = Symbol("key");

/** Makes the children of `parent` those of `items`, in their order; one whose key was there already stays. */
export function keyed<T, E extends Element>(
  parent: Element,
  items: readonly T[],
  { key, make, update }: Keyed<T, E>,
): void {
  const there = new Map([...parent.children].map((child) => [keyOf(child), child as E]));
  const named = distinct(items.map((item) => [key(item), item]));
  for (const [name, child] of there) if (name === undefined || !named.has(name)) child.remove();
  let at: Element | null = parent.firstElementChild;
  for (const [name, item] of named) {
    const element = there.get(name) ?? marked(make(item), name);
    update(element, item);
    // What is where it belongs is not moved: that would take the focus away.
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
}

/** By key; one that is there already gets a number. */
function distinct<T>(items: readonly (readonly [key: string, item: T])[]): ReadonlyMap<string, T> {
  const named = new Map<string, T>();
  for (const [key, item] of items) named.set(named.has(key) ? `${key} #${named.size}` : key, item);
  return named;
}

function keyOf(element: Element): string | undefined {
  return (element as { [KEY]?: string })[KEY];
}

function marked<E extends Element>(element: E, key: string): E {
  (element as { [KEY]?: string })[KEY] = key;
  return element;
}
