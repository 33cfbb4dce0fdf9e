/** A command that needs a server which no machine has. */
import { runCommand } from '../servers/errors.ts';
import { startServer } from '../servers/find.ts';
import { REDIS } from '../servers/kinds.ts';

// Without a PATH no package is installed for the sake of this test.
process.env['PATH'] = '';
await runCommand(async () => {
  const kind = { ...REDIS, title: 'Nowhere', binaries: ['nowhere-server'], image: 'nowhere.invalid/nowhere:0' };
  await startServer({ ...kind, aptPackage: 'nowhere-server' });
  return 0;
});
