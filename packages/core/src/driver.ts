// What authors of shared layers program against. A smaller stability promise than `tierwise` itself: may change in a
// minor version.

export { checkObject, invalidOption, oneOf, wholeNumber } from './checks.ts';
export { type Clock, systemClock, type Timer } from './clock.ts';
export type {
  BusMessage,
  ClosedFence,
  Coordinator,
  CoordinatorListener,
  FenceChange,
  Invalidation,
  Lease,
  Member,
  MemberStatus,
  MembersReply,
  SequencedEvent,
  SequencedReply,
  Snapshot,
  TailReply,
  TailRequest,
} from './coherence/coordinator.ts';
export { matchesGlob } from './coherence/glob.ts';
export { FENCE_SLOTS, fenceSlot, floorBucket, hash32, partitionIndex, type VersionKind } from './coherence/slots.ts';
export { type Forgetter, View } from './coherence/view.ts';
export { type Duration, toMs } from './duration.ts';
export { CacheError, describe, type ErrorCode, withFacts } from './errors.ts';
export { Authority, type AuthorityState } from './in-process/authority.ts';
export { unscoped } from './keys.ts';
export { promiseOf } from './promise-of.ts';
export { jittered, randomEpoch } from './random.ts';
export { GenerationStore, type GenerationStoreOptions } from './store/generation-store.ts';
export type {
  PlainLayer,
  PlainLayerContext,
  PlainRead,
  PlainStore,
  PlainStoreLimits,
  PlainWrite,
} from './store/plain-store.ts';
export type { Remote, RemoteContext, RemotePartition, RemoteSession } from './store/remote.ts';
export type {
  CollectOptions,
  FillOutcome,
  FillReply,
  ReadReply,
  SetOutcome,
  SetReply,
  Store,
  StoreLimits,
  StoreWrite,
} from './store/store.ts';
export { decodeEnvelope, EPOCH_OFFSET, LEASE_OFFSET, SEQ_OFFSET, VERSION_OFFSET } from './wire/envelope.ts';
export {
  type DecodedEvent,
  decodeEvent,
  decodeMessage,
  EVENT_FORMAT,
  encodeEvent,
  NOTHING,
  splitOrigins,
  withOrigins,
} from './wire/event.ts';
