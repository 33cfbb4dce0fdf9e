import type { MemberStatus, TailRequest } from '../coherence/coordinator.ts';

/** A member silent for so long is forgotten. */
const FORGOTTEN_AFTER_MS = 3_600_000;
/** An agreed Δ that no member has confirmed for so many times itself may be replaced. */
const AGREED_FOR_LEASES = 3;

interface Listed {
  readonly epoch: string;
  readonly applied: number;
  readonly leaseMs: number;
  readonly seenMs: number;
}

/** The Δ that the live members agree on, and when one of them last said so. */
interface Agreement {
  readonly leaseMs: number;
  readonly seenMs: number;
}

/** A copy of a list. */
export interface MemberListState {
  readonly members: ReadonlyMap<string, Listed>;
  readonly begunMs: number | undefined;
  readonly agreement: Agreement | undefined;
}

/** Who asks for tails: the instances that a linearizable write waits for, and the Δ they agree on. */
export class MemberList {
  readonly #members = new Map<string, Listed>();
  /** Since when members are listed, from the beginning of time unless it was lost; `undefined` until somebody asks then. */
  #begunMs: number | undefined = 0;
  #agreement: Agreement | undefined;

  /** Notes the asking member; answers the Δ agreed on where a live member keeps to another one. */
  register({ member, epoch, applied }: TailRequest, nowMs: number): number | undefined {
    const { id, leaseMs } = member;
    this.#begunMs ??= nowMs;
    this.#members.set(id, { epoch: epoch ?? '', applied, leaseMs, seenMs: nowMs });
    const agreed = this.#agreement;
    if (
      agreed !== undefined &&
      agreed.leaseMs !== leaseMs &&
      nowMs - agreed.seenMs <= AGREED_FOR_LEASES * agreed.leaseMs
    ) {
      return agreed.leaseMs;
    }
    this.#agreement = { leaseMs, seenMs: nowMs };
    return undefined;
  }

  /** All members as seen from `epoch`, and since when they are listed. */
  list(epoch: string, nowMs: number): { members: MemberStatus[]; begunMs: number } {
    this.#begunMs ??= nowMs;
    const members: MemberStatus[] = [];
    for (const [id, { epoch: own, applied, leaseMs, seenMs }] of this.#members) {
      const silentMs = nowMs - seenMs;
      if (silentMs > FORGOTTEN_AFTER_MS) this.#members.delete(id);
      else members.push({ id, applied: own === epoch ? applied : -1, leaseMs, silentMs });
    }
    return { members, begunMs: this.#begunMs };
  }

  leave(memberId: string): void {
    this.#members.delete(memberId);
  }

  /** Another epoch begins: whoever asks first says which Δ holds. */
  endAgreement(): void {
    this.#agreement = undefined;
  }

  /** Forgets all members. */
  lose(): void {
    this.#members.clear();
    this.#begunMs = undefined;
  }

  capture(): MemberListState {
    return { members: new Map(this.#members), begunMs: this.#begunMs, agreement: this.#agreement };
  }

  restore({ members, begunMs, agreement }: MemberListState): void {
    this.#members.clear();
    for (const [id, member] of members) this.#members.set(id, member);
    this.#begunMs = begunMs;
    this.#agreement = agreement;
  }
}
