import type { Counters } from '../stats.ts';
import { keyText } from './key-text.ts';
import { ATTRIBUTES } from './names.ts';
import { processWide } from './process-wide.ts';
import { channel } from './published-span.ts';
import type { Attributes, Telemetry } from './telemetry.ts';
import { Trace, type TraceFacts } from './trace.ts';

/**
 * What one cache tells of its work: to its own telemetry or to that of the process, and to the tracing channel. Off means
 * that neither is there; a call then asks `isRecording` and nothing else.
 */
export class Recorder {
  readonly common: Attributes;
  readonly #own: Telemetry | undefined;
  readonly #counters: Counters;

  constructor(cacheName: string, own: Telemetry | undefined, counters: Counters) {
    this.common = { [ATTRIBUTES.name]: cacheName };
    this.#own = own;
    this.#counters = counters;
  }

  /** Whether a call that begins now is recorded. */
  isRecording(): boolean {
    const telemetry = this.#own ?? processWide.telemetry;
    if (telemetry === undefined) return channel.hasSubscribers;
    try {
      return telemetry.isRecording() || channel.hasSubscribers;
    } catch {
      this.onError();
      return channel.hasSubscribers;
    }
  }

  /** Whether anything is told of work that no call is waiting for. */
  get isInstalled(): boolean {
    return (this.#own ?? processWide.telemetry) !== undefined || channel.hasSubscribers;
  }

  telemetry(): Telemetry | undefined {
    return this.#own ?? processWide.telemetry;
  }

  onError(): void {
    this.#counters.telemetryErrors++;
  }

  begin(name: string, facts: TraceFacts): Trace {
    return Trace.begin(this, name, facts);
  }

  /** Runs a public call as a span of its own. Without a trace, where it turns out not to be recorded, it runs all the same. */
  async operation<R>(
    name: string,
    facts: Omit<TraceFacts, 'parent'>,
    call: (trace: Trace | undefined) => Promise<R>,
  ): Promise<R> {
    const trace = this.begin(name, { ...facts, parent: 'active' });
    try {
      const result = await trace.run(() => call(trace.isRecording ? trace : undefined));
      trace.end();
      return result;
    } catch (error) {
      trace.end(error);
      throw error;
    }
  }

  /** Runs a public call, as a span of its own if it is recorded. */
  call<R>(
    name: string,
    key: string | undefined,
    attributes: Attributes,
    call: (trace: Trace | undefined) => Promise<R>,
  ): Promise<R> {
    if (!this.isRecording()) return call(undefined);
    return this.operation(name, { attributes, ...(key !== undefined && { key: keyText(key) }) }, call);
  }

  /** Begins work that nobody waits for: a root of its own, tied to what it is done for. */
  background(
    name: string,
    origins: readonly (Trace | string)[],
    attributes: Attributes,
    startedAtMs?: number,
  ): Trace | undefined {
    if (!this.isInstalled) return undefined;
    const when = startedAtMs === undefined ? {} : { startedAtMs };
    return this.begin(name, { parent: 'none', links: origins, attributes, ...when });
  }

  /** Whether anybody hears of what is measured. */
  get isMeasuring(): boolean {
    return this.telemetry() !== undefined;
  }

  measure(name: string, seconds: number, attributes: Attributes): void {
    const telemetry = this.telemetry();
    if (telemetry === undefined) return;
    try {
      telemetry.measure(name, seconds, { ...this.common, ...attributes });
    } catch {
      this.onError();
    }
  }
}
