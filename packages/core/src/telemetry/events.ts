import type { BusMessage, FenceChange, Invalidation } from '../coherence/coordinator.ts';
import { ATTRIBUTES, SPANS } from './names.ts';
import type { Outlet } from './publish.ts';
import type { Recorder } from './recorder.ts';
import type { Attributes } from './telemetry.ts';
import type { Trace } from './trace.ts';

/** Begins the span of one event: from the call until the coordinator has confirmed it, or it was journaled. */
export function beginInvalidate(
  trace: Trace | undefined,
  invalidation: Invalidation,
  fence?: FenceChange,
): Trace | undefined {
  return trace?.child(SPANS.invalidate, {
    attributes: { ...countsOf(invalidation), ...(fence !== undefined && { [ATTRIBUTES.fence]: fence.kind }) },
  });
}

/** How many names of each kind an event has; never the names. */
export function countsOf({ keys, tags, prefixes, patterns, clear }: Invalidation): Attributes {
  return {
    ...(keys.length > 0 && { [ATTRIBUTES.keyCount]: keys.length }),
    ...(tags.length > 0 && { [ATTRIBUTES.tagCount]: tags.length }),
    ...(prefixes.length > 0 && { [ATTRIBUTES.prefixCount]: prefixes.length }),
    ...(patterns.length > 0 && { [ATTRIBUTES.patternCount]: patterns.length }),
    ...(clear && { [ATTRIBUTES.clear]: true }),
  };
}

/** Begins the span of a message that recorded work of this or another instance has caused: a root, tied to that work. */
export function beginProcess(recorder: Recorder, outlet: Outlet, message: BusMessage): Trace | undefined {
  const { origins } = message;
  if (origins === undefined || origins.length === 0 || !recorder.isInstalled) return undefined;
  const { channel } = outlet.coordinator;
  return recorder.begin(`${SPANS.process} ${channel}`, {
    kind: 'consumer',
    parent: 'none',
    links: origins,
    attributes: {
      [ATTRIBUTES.messagingSystem]: outlet.store.name,
      [ATTRIBUTES.messagingDestination]: channel,
      [ATTRIBUTES.messagingOperationName]: 'process',
      [ATTRIBUTES.messagingOperationType]: 'process',
      [ATTRIBUTES.seq]: message.seq,
      ...countsOf(message.invalidation),
    },
  });
}
