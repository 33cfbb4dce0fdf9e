import { hash32 } from 'tierwise/driver';

/**
 * Which of several servers a name belongs to, by rendezvous hashing: every instance chooses alike whatever the order of
 * its list, and a server that is added or taken away moves its own share of names only. A server that is down keeps its
 * names: they are misses until it is back, and nobody has to agree on whether it is down.
 *
 * Source: Thaler, Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM Transactions on Networking 6(1).
 */
export class Ring<S> {
  readonly #servers: readonly S[];
  readonly #hashes: readonly number[];

  constructor(servers: readonly S[], addressOf: (server: S) => string) {
    this.#servers = servers;
    this.#hashes = servers.map((server) => hash32(addressOf(server)));
  }

  serverOf(name: string): S {
    const [only] = this.#servers;
    if (this.#servers.length === 1) return only as S;
    const hash = hash32(name);
    let best = 0;
    let bestScore = -1;
    for (let i = 0; i < this.#hashes.length; i++) {
      const score = mix(hash ^ (this.#hashes[i] as number));
      if (score > bestScore) {
        best = i;
        bestScore = score;
      }
    }
    return this.#servers[best] as S;
  }
}

/** The finaliser of MurmurHash3: every bit of the input reaches every bit of the score. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
