import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MUTATIONS } from '../mutants/mutations.ts';

const PACKAGES = new URL('../../packages/', import.meta.url);

// Symptom: code moved to another file, and the run that takes the mechanisms out found so an hour later.
test.each(MUTATIONS.map((mutation) => [mutation.name, mutation.patches] as const))(
  '%s: fits the source',
  (_, patches) => {
    for (const { file, find, isEverywhere = false } of patches) {
      const places = readFileSync(new URL(file, PACKAGES), 'utf8').split(find).length - 1;
      expect(isEverywhere ? Math.min(places, 1) : places, `${file}: ${find}`).toBe(1);
    }
  },
);
