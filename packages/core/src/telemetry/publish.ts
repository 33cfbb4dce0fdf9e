import type { Coordinator, SequencedReply } from '../coherence/coordinator.ts';
import type { Store } from '../store/store.ts';
import { ATTRIBUTES, SPANS } from './names.ts';
import { during, leaderOf, MAX_LINKS, type Trace } from './trace.ts';

/** Where messages go out. */
export interface Outlet {
  readonly store: Pick<Store, 'name'>;
  readonly coordinator: Pick<Coordinator, 'channel'>;
}

/**
 * Makes a call that publishes one message on behalf of several spans: a span of its own below the first that is recorded,
 * tied to the others. The message carries its context and then theirs.
 */
export function publish<R extends SequencedReply>(
  traces: readonly (Trace | undefined)[],
  outlet: Outlet,
  call: (origins?: readonly string[]) => Promise<R>,
): Promise<R> {
  const leader = leaderOf(traces);
  if (leader === undefined) return call();
  const { channel } = outlet.coordinator;
  const others = traces.filter((trace) => trace !== undefined && trace !== leader) as Trace[];
  const span = leader.child(`${SPANS.publish} ${channel}`, {
    kind: 'producer',
    links: others,
    attributes: {
      [ATTRIBUTES.messagingSystem]: outlet.store.name,
      [ATTRIBUTES.messagingDestination]: channel,
      [ATTRIBUTES.messagingOperationName]: 'publish',
      [ATTRIBUTES.messagingOperationType]: 'send',
      [ATTRIBUTES.batchSize]: traces.length,
    },
  });
  const origins = [span, ...others].slice(0, MAX_LINKS).flatMap(({ traceparent }) => traceparent ?? []);
  return during(span, async () => {
    const reply = await call(origins);
    span.set(ATTRIBUTES.seq, reply.seq);
    return reply;
  });
}
