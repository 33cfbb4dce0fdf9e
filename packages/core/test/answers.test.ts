import { expect, test } from 'vitest';
import { Answers } from '../src/coherence/answers.ts';

test('a key that was answered is due until a tail sent later has proved the view', () => {
  const answers = new Answers();
  answers.onTailSent();
  answers.onProved();
  answers.note('k');
  expect([answers.isDue('k'), answers.isDue('other')]).toEqual([true, false]);
  expect(answers.dueAfter(['other', 'k'])).toBe(1);
  answers.onProved();
  expect(answers.isDue('k')).toBe(true);
  answers.onTailSent();
  expect(answers.isDue('k')).toBe(true);
  answers.onProved();
  expect(answers.isDue('k')).toBe(false);
  expect(answers.dueAfter(['other', 'k'])).toBe(-1);
  expect(answers.size).toBe(0);
});

test('what began before the newest proof was asked for is covered by it', () => {
  const answers = new Answers();
  const { date } = answers;
  answers.onTailSent();
  answers.onProved();
  answers.note('k', date);
  expect(answers.isDue('k')).toBe(false);
  expect(answers.size).toBe(0);
});

test('an earlier answer does not take a later one back', () => {
  const answers = new Answers();
  answers.onTailSent();
  answers.note('k');
  answers.note('k', 0);
  answers.onProved();
  expect(answers.isDue('k')).toBe(true);
});

test('past the bound every key is due, for one tail', () => {
  const answers = new Answers();
  for (let i = 0; i <= 4_096; i++) answers.note(`k${i}`);
  expect(answers.size).toBe(0);
  expect([answers.isDue('k0'), answers.isDue('never answered')]).toEqual([true, true]);
  answers.onTailSent();
  answers.onProved();
  expect([answers.isDue('k0'), answers.isDue('never answered')]).toEqual([false, false]);
});
