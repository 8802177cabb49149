/** What fails at present, by what it is about; `warn` hears of each only when it begins or changes. */
export class Problems {
  readonly #current = new Map<string, string>();

  constructor(readonly warn: (message: string) => void) {}

  /** undefined: all is well again. */
  set(about: string, message: string | undefined): void {
    const before = this.#current.get(about);
    if (message === undefined) this.#current.delete(about);
    else this.#current.set(about, message);
    if (message !== undefined && message !== before) this.warn(message);
  }

  list(): readonly string[] {
    return [...this.#current.values()];
  }
}
