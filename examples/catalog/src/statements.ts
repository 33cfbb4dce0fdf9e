import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { transaction } from './database.ts';

/** A row as SQLite returns it, by column name. */
export type Row = Readonly<Record<string, SQLInputValue>>;

/** What a statement takes in: a value for the next `?`, or an object with the values of the `:names`. */
export type Value = SQLInputValue | Record<string, SQLInputValue>;

/** Prepared statements of one connection, each prepared once. */
export class Statements {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  rows(text: string, ...values: Value[]): Row[] {
    let statement = this.#prepared.get(text);
    if (statement === undefined) {
      statement = this.#database.prepare(text);
      this.#prepared.set(text, statement);
    }
    return statement.all(...(values as SQLInputValue[])) as Row[];
  }

  /** Runs `read` in one transaction, so that all its statements see one state of the database. */
  transaction<Result>(read: () => Result): Result {
    return transaction(this.#database, 'BEGIN', read);
  }
}
