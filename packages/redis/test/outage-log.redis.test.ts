import { expect, inject, test } from 'vitest';
import { FaultProxy } from '../../testing/src/index.ts';
import { openReady, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

// Symptom: connections that broke for less than a lease were written to the log once in the life of a process.
test('every outage is one line with the server, however short, and one when it is over', async () => {
  const { hostname, port } = new URL(inject('redisUrl'));
  const proxy = await FaultProxy.start({ target: { host: hostname, port: Number(port) } });
  const lines: string[] = [];
  const write =
    (level: string) =>
    (facts: object): void => {
      if (!('store' in facts)) return;
      lines.push([level, facts.store, 'server' in facts ? facts.server : ''].join(' ').trim());
    };
  const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const cache = await openReady({ name: uniqueName(), logger, coherence: { lease: '1m' } }, { url: proxy.url });
  const { host } = new URL(proxy.url.replace(/^\w+:/, 'http:'));
  const outage = [`error remote ${host}`, 'info remote'];
  proxy.cut('reset');
  await eventually(() => lines).toEqual(outage);
  proxy.cut('fin');
  await eventually(() => lines).toEqual([...outage, ...outage]);
  expect(cache.health().state).toBe('coherent');
  await cache.close();
  await proxy.stop();
});
