import { createHash } from 'node:crypto';

/** One thing that happened, cheap to note and printed only when somebody asks. */
export type Note = readonly [
  atMs: number,
  who: string,
  what: string,
  ...facts: readonly (string | number | undefined)[],
];

/** Everything that happened in one simulated world, in order. */
export class History {
  readonly notes: Note[] = [];
  /** Epochs are random; their order of appearance is not. */
  readonly #epochs = new Map<string, string>();

  add(atMs: number, who: string, what: string, ...facts: readonly (string | number | undefined)[]): void {
    this.notes.push([atMs, who, what, ...facts]);
  }

  /** The name of an epoch in this history. */
  epoch(epoch: string): string {
    let name = this.#epochs.get(epoch);
    if (name === undefined) {
      name = `E${this.#epochs.size + 1}`;
      this.#epochs.set(epoch, name);
    }
    return name;
  }

  /** Equal for equal histories. */
  digest(): string {
    return createHash('sha256').update(JSON.stringify(this.notes)).digest('hex');
  }

  /** The notes from `sinceMs` on that name one of `words` or concern everything, newest last. */
  slice(sinceMs: number, words: readonly string[], most: number): string {
    const chosen = this.notes.filter(
      ([atMs, who, what, ...facts]) =>
        atMs >= sinceMs &&
        (who === 'world' || [what, ...facts].some((fact) => words.some((word) => isNamed(String(fact), word)))),
    );
    return chosen.slice(-most).map(print).join('\n');
  }
}

/** Whether `word` stands in `text` and not as a part of a longer one. */
function isNamed(text: string, word: string): boolean {
  const at = text.indexOf(word);
  return at !== -1 && !/\w/.test(text[at + word.length] ?? '');
}

function print([atMs, who, what, ...facts]: Note): string {
  return `${atMs.toFixed(3).padStart(11)}  ${who.padEnd(7)} ${what} ${facts.filter((fact) => fact !== undefined).join(' ')}`;
}
