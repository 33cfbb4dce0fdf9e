/** What all subjects hold; about 120 bytes as JSON. */
export interface User {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly roles: readonly string[];
  readonly isActive: boolean;
}

/** A new object at every call, as a query would bring it. */
export function user(id: number): User {
  return { id, name: `User ${id}`, email: `user${id}@example.com`, roles: ['reader', 'writer'], isActive: true };
}

export function keyOf(id: number): string {
  return `user:${id}`;
}

/** The value that belongs under a key. */
export function userOf(key: string): User {
  return user(Number(key.slice(key.indexOf(':') + 1)));
}

export function keysUpTo(count: number): string[] {
  return Array.from({ length: count }, (_, id) => keyOf(id));
}

/** A page of so many users: what a list, a profile or a search result looks like to a codec. */
export function users(count: number): readonly User[] {
  return Array.from({ length: count }, (_, id) => user(id));
}
