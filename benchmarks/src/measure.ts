/** One thing to be measured: `run` does `operations` operations and resolves when the last is done. */
export interface Subject {
  readonly name: string;
  run(operations: number): void | Promise<void>;
}

/** A question, and the subjects that answer it in turn. */
export interface Scenario {
  readonly name: string;
  /** What the figures tell, and what they do not. */
  readonly question: string;
  readonly subjects: readonly Subject[];
}

/** Operations a second of one subject over all rounds. */
export interface Result {
  readonly scenario: string;
  readonly subject: string;
  readonly median: number;
  readonly slowest: number;
  readonly fastest: number;
}

const ROUNDS = 7;
const ROUND_MS = 150;
const FIRST_OPERATIONS = 500;

/**
 * Measures all subjects of a scenario round by round, so that a noisy moment of the machine touches all of them. The
 * first round of each subject finds how many operations fill a round and is not counted.
 */
export async function measure(scenario: Scenario): Promise<Result[]> {
  const plans: { subject: Subject; operations: number; rates: number[] }[] = [];
  for (const subject of scenario.subjects) {
    plans.push({ subject, operations: await calibrate(subject), rates: [] });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { subject, operations, rates } of plans) rates.push(await rateOf(subject, operations));
  }
  return plans.map(({ subject, rates }) => {
    const sorted = rates.toSorted((a, b) => a - b);
    return {
      scenario: scenario.name,
      subject: subject.name,
      median: sorted[Math.floor(sorted.length / 2)] as number,
      slowest: sorted[0] as number,
      fastest: sorted.at(-1) as number,
    };
  });
}

async function calibrate(subject: Subject): Promise<number> {
  let operations = FIRST_OPERATIONS;
  for (;;) {
    const startedAt = performance.now();
    await subject.run(operations);
    const tookMs = performance.now() - startedAt;
    if (tookMs >= ROUND_MS / 2) return Math.max(1, Math.round((operations * ROUND_MS) / tookMs));
    operations *= 4;
  }
}

async function rateOf(subject: Subject, operations: number): Promise<number> {
  const startedAt = performance.now();
  await subject.run(operations);
  return (operations * 1000) / (performance.now() - startedAt);
}
