import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MUTATIONS } from '../mutants/mutations.ts';

const PACKAGES = new URL('../../packages/', import.meta.url);

// Symptom: code moved to another file, and the run that takes the mechanisms out found so an hour later.
test.each(MUTATIONS.map((mutation) => [mutation.name, mutation.patches] as const))(
  '%s: fits the source once',
  (_, patches) => {
    for (const { file, find } of patches) {
      expect(readFileSync(new URL(file, PACKAGES), 'utf8').split(find), `${file}: ${find}`).toHaveLength(2);
    }
  },
);
