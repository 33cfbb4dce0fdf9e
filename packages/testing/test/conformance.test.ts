import { inProcess } from 'tierwise';
import { describe, it } from 'vitest';
import { remoteConformance } from '../src/conformance/index.ts';

describe('the in-process remote', () => {
  for (const { name, run } of remoteConformance({ createRemote: () => inProcess() })) it(name, run);
});
