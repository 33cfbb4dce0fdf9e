import { type Attributes, type Context, type Link, type SpanKind, TraceFlags } from '@opentelemetry/api';
import { type Sampler, SamplingDecision, type SamplingResult } from '@opentelemetry/sdk-trace';

/**
 * Keeps a root span that is linked to a kept one, and leaves the rest to another sampler.
 *
 * What an instance does because of an invalidation elsewhere is a trace of its own, with a link to that of the
 * invalidation. A ratio decides on each trace by itself, so of ten kept invalidations nine would be seen arriving nowhere.
 */
export class LinkedSampler implements Sampler {
  readonly #otherwise: Sampler;

  constructor(otherwise: Sampler) {
    this.#otherwise = otherwise;
  }

  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    const isLinked = links.some(({ context: { traceFlags } }) => (traceFlags & TraceFlags.SAMPLED) !== 0);
    if (isLinked) return { decision: SamplingDecision.RECORD_AND_SAMPLED };
    return this.#otherwise.shouldSample(context, traceId, spanName, spanKind, attributes, links);
  }

  toString(): string {
    return `LinkedSampler{${this.#otherwise.toString()}}`;
  }
}
