import { ATTRIBUTES, type LayerResult, MEMORY_LAYER, SPANS } from './names.ts';
import type { Attributes } from './telemetry.ts';
import { during, type Trace } from './trace.ts';

/** Notes what memory answered about a key, or of how many of several keys it had, as a span that took no time to speak of. */
export function noteMemoryGet(
  trace: Trace,
  result: LayerResult,
  { key, hits }: { readonly key?: string; readonly hits?: number },
): void {
  const span = trace.child(SPANS.layerGet, {
    ...(key !== undefined && { key }),
    attributes: {
      [ATTRIBUTES.layer]: MEMORY_LAYER,
      [ATTRIBUTES.result]: result,
      [ATTRIBUTES.hit]: result === 'hit',
      ...(hits !== undefined && { [ATTRIBUTES.hitCount]: hits }),
    },
  });
  span.end();
}

/** Notes whether memory kept a value. */
export function noteMemorySet(trace: Trace | undefined, isKept: boolean): void {
  if (trace === undefined) return;
  const result = isKept ? 'stored' : 'refused';
  const span = trace.child(SPANS.layerSet, {
    attributes: { [ATTRIBUTES.layer]: MEMORY_LAYER, [ATTRIBUTES.result]: result },
  });
  span.end();
}

/** Asks a shared layer to store something, as a span with what became of it. */
export function duringSet<R extends { readonly outcome: string }>(
  trace: Trace | undefined,
  layer: { readonly name: string; readonly storeName: string },
  call: (span: Trace | undefined) => Promise<R>,
): Promise<R> {
  const span = trace?.child(SPANS.layerSet, { attributes: attributesOf(layer) });
  return during(span, async () => {
    try {
      const result = await call(span);
      span?.set(ATTRIBUTES.result, result.outcome);
      return result;
    } catch (error) {
      span?.set(ATTRIBUTES.result, 'error');
      throw error;
    }
  });
}

/** What tells one shared layer from another in spans and metrics. */
export function attributesOf({ name, storeName }: { readonly name: string; readonly storeName: string }): Attributes {
  return { [ATTRIBUTES.layer]: name, [ATTRIBUTES.store]: storeName };
}

/** Ends the span of asking a shared layer. */
export function endLayerGet(span: Trace | undefined, result: LayerResult): void {
  if (span === undefined) return;
  span.set(ATTRIBUTES.result, result);
  span.set(ATTRIBUTES.hit, result === 'hit');
  span.end();
}
