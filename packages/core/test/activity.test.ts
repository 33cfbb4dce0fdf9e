import { describe, expect, test } from 'vitest';
import { Activity, Pending } from '../src/coherence/activity.ts';

class Recorder extends Pending {
  readonly leaseSeq: number;
  readonly marks: number[] = [];

  constructor(key: string, leaseSeq = 0) {
    super(key);
    this.leaseSeq = leaseSeq;
  }

  mark(seq: number): void {
    this.marks.push(seq);
  }
}

describe('what is under way', () => {
  test('hears of events on its key that it did not know when it began', () => {
    const activity = new Activity();
    const [early, late, other] = [new Recorder('k', 4), new Recorder('k', 5), new Recorder('l', 0)];
    for (const pending of [early, late, other]) activity.add(pending);
    activity.mark('k', 5);
    expect([early.marks, late.marks, other.marks]).toEqual([[5], [], []]);
    activity.mark('k', Number.POSITIVE_INFINITY);
    expect([early.marks.length, late.marks.length, other.marks.length]).toEqual([2, 1, 0]);
    activity.markAll(1);
    expect(other.marks).toEqual([1]);
  });

  test('hears nothing once it was removed, in whatever order that happens', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [1, 2, 0],
      [0, 2, 1],
      [2, 0, 1],
    ]) {
      const activity = new Activity();
      const all = [new Recorder('k'), new Recorder('k'), new Recorder('k')];
      for (const pending of all) activity.add(pending);
      const left = new Set(all);
      for (const index of order) {
        const pending = all[index] as Recorder;
        activity.remove(pending);
        left.delete(pending);
        for (const each of all) each.marks.length = 0;
        activity.mark('k', 1);
        expect(all.filter((each) => each.marks.length > 0)).toEqual([...left]);
      }
      expect(activity.keys).toBe(0);
    }
  });

  test('may be removed twice', () => {
    const activity = new Activity();
    const [a, b] = [new Recorder('k'), new Recorder('k')];
    activity.add(a);
    activity.add(b);
    activity.remove(a);
    activity.remove(a);
    activity.mark('k', 1);
    expect(b.marks).toEqual([1]);
    activity.remove(b);
    activity.remove(b);
    expect(activity.keys).toBe(0);
  });
});
