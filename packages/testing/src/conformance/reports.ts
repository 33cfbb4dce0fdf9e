import type { CacheError, RemoteContext } from 'tierwise/driver';

/** What a layer reports of its connections, understood as the cache does that writes it to a log. */
export class Reports implements Pick<RemoteContext, 'onError' | 'onRecovered'> {
  /** Reports that something answers again. */
  recoveries = 0;
  /** Servers that faults were reported of and no recovery since; `undefined` for the layer as a whole. */
  readonly #away = new Set<string | undefined>();

  readonly onError = (error: CacheError): void => {
    this.#away.add(error.facts.server);
  };

  readonly onRecovered = (server?: string): void => {
    this.recoveries++;
    if (server === undefined) this.#away.clear();
    else this.#away.delete(server);
  };

  /** Whether it was reported that something answers again, and nothing reported is left to. */
  get isRecovered(): boolean {
    return this.recoveries > 0 && this.#away.size === 0;
  }
}
