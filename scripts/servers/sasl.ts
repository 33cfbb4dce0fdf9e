import { execFile } from 'node:child_process';
import { findLocalBinary } from './find.ts';
import { SASL_MEMCACHED } from './kinds.ts';

/**
 * Why no Memcached with SASL can be started on this machine; `undefined` where one can. Containers are not asked: they
 * do not have the settings.
 */
export async function findSaslObstacle(): Promise<string | undefined> {
  const binary = await findLocalBinary(SASL_MEMCACHED);
  if (binary === undefined) return 'there is no memcached on the PATH';
  // Options are read one after the other: without SASL the first ends it, with an exit code of its own.
  const isBuiltWithSasl = await new Promise<boolean>((resolve) => {
    execFile(binary, ['-S', '-V'], (error) => resolve(error === null));
  });
  return isBuiltWithSasl ? undefined : 'memcached was built without SASL';
}
