import { tracingChannel } from 'node:diagnostics_channel';
import { TRACING_CHANNEL } from './names.ts';
import type { AttributeValue } from './telemetry.ts';

/** What subscribers of the tracing channel are given, the same object for all events of one span. */
export interface PublishedContext {
  /** The name of the span, as in `docs/reference/telemetry.md`. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** The context of the span it is a part of. */
  readonly parent: PublishedContext | undefined;
  /** Why it failed; there from the `error` event on. */
  error?: unknown;
}

/** The channel on which every span is published while somebody listens. */
export const channel = tracingChannel<unknown, PublishedContext>(TRACING_CHANNEL);

/** One span on the tracing channel: start, end, then error if it failed, asyncStart and asyncEnd. */
export class PublishedSpan {
  readonly context: PublishedContext;
  readonly #attributes: Record<string, AttributeValue>;
  #isStarted = false;

  constructor(name: string, attributes: Readonly<Record<string, AttributeValue>>, parent: PublishedSpan | undefined) {
    this.#attributes = { ...attributes };
    this.context = { name, attributes: this.#attributes, parent: parent?.context };
  }

  run<R>(call: () => R): R {
    if (this.#isStarted) return call();
    this.#isStarted = true;
    return channel.start.runStores(this.context, () => {
      try {
        return call();
      } finally {
        channel.end.publish(this.context);
      }
    });
  }

  set(name: string, value: AttributeValue): void {
    this.#attributes[name] = value;
  }

  end(error: unknown): void {
    this.run(() => {});
    if (error !== undefined) {
      this.context.error = error;
      channel.error.publish(this.context);
    }
    channel.asyncStart.publish(this.context);
    channel.asyncEnd.publish(this.context);
  }
}
