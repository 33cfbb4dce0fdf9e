/** A piece of source and what stands in its place while the mechanism is out. */
export interface Patch {
  /** Path below `packages/`. */
  readonly file: string;
  /** Must occur exactly once, or with `isEverywhere` at least once. */
  readonly find: string;
  readonly put: string;
  /** Whether it stands in several places, as what Lua scripts share does. */
  readonly isEverywhere?: boolean;
}

/** One rule of the protocol taken out; where several mechanisms cover for each other, all of them. */
export interface Mutation {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** Files of tests that are asked first, instead of those of its group. */
  readonly witness?: readonly string[];
  /** Why nothing has to notice: what it protects then, or what covers for it. */
  readonly harmless?: string;
  /** Seeds it takes to meet what it protects from, where that is rare. */
  readonly seeds?: number;
}

/** A mutation of one place. */
export function one(name: string, file: string, find: string, put: string, harmless?: string): Mutation {
  return { name, patches: [{ file, find, put }], ...(harmless !== undefined && { harmless }) };
}
