import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../core/test/support/fake-clock.ts';
import { NodeLinks, type Tenant } from '../src/node-links.ts';

/** Stands in for the client of one connection to a server that serves a slot, or not. */
class FakeClient extends EventEmitter {
  status = 'ready';
  readonly stream = { bytesRead: 0, connecting: false, writableEnded: false, resetAndDestroy() {}, destroy() {} };

  async connect(): Promise<void> {}

  async info(): Promise<string> {
    return `role:master\r\nmaster_replid:${'a'.repeat(40)}\r\n`;
  }

  async script(): Promise<string> {
    return '';
  }

  async ping(): Promise<string> {
    return 'PONG';
  }

  async ssubscribe(channel: string): Promise<void> {
    asked.push(channel);
    if (!refused.has(channel)) return;
    throw Object.assign(new Error('CLUSTERDOWN Hash slot not served'), { name: 'ReplyError' });
  }

  disconnect(): void {
    this.status = 'end';
  }
}

let clock: FakeClock;
let links: NodeLinks;
/** Channels of slots that the server does not serve. */
let refused: Set<string>;
/** Channels the bus was told to subscribe, in order. */
let asked: string[];
let heard: string[];

beforeEach(() => {
  clock = new FakeClock();
  refused = new Set();
  asked = [];
  heard = [];
  links = new NodeLinks({
    database: 0,
    clock,
    deadlineMs: 1_000,
    tailDeadlineMs: 1_000,
    pingMs: 1_000,
    isSharded: true,
    create: () => new FakeClient() as unknown as Redis,
    onDown: (error) => heard.push(error.message),
    onWhole: () => heard.push('whole'),
  });
  onTestFinished(() => links.close());
});

function tenant(channel: string): Tenant {
  return {
    channel,
    onUp: () => {},
    onDown: () => heard.push(`${channel} down`),
    onDoubt: () => heard.push(`${channel} doubt`),
    onMessage: () => {},
    onRedirected: (reply) => heard.push(`${channel} ${reply.split(' ')[0]}`),
  };
}

async function pass(delayMs: number): Promise<void> {
  for (let i = 0; i < 10; i++) await turn();
  await clock.advance(delayMs);
  for (let i = 0; i < 10; i++) await turn();
}

// Symptom: after an outage of a slot its partition heard no message until the connection ended, every event waiting for a tail.
test('a channel whose slot was not served for a while is subscribed on the same connection once it is', async () => {
  refused.add('a');
  links.admit(tenant('a'));
  links.admit(tenant('b'));
  links.open();
  await pass(5_000);
  expect(heard).toContain('a CLUSTERDOWN');
  expect(heard.filter((one) => one === 'whole')).toHaveLength(1);
  expect(links.bus.isUp).toBe(true);

  refused.clear();
  heard = [];
  await pass(1_000);
  expect(heard).toEqual(['a doubt']);

  const told = asked.length;
  await pass(60_000);
  expect(asked).toHaveLength(told);
  expect(asked.filter((channel) => channel === 'b')).toHaveLength(1);
});

test('a refused channel is asked for less and less often, and no more once its partition has left', async () => {
  const gone = tenant('a');
  refused.add('a');
  links.admit(gone);
  links.open();
  for (let i = 0; i < 100; i++) await pass(100);
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.length).toBeLessThan(50);

  links.release(gone);
  const told = asked.length;
  await pass(10_000);
  expect(asked).toHaveLength(told);
});
