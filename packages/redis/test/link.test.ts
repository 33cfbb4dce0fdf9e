import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import type { CacheError } from 'tierwise';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { FakeClock, settled } from '../../core/test/support/fake-clock.ts';
import { Link } from '../src/link.ts';

const DEADLINE_MS = 1_000;
const INFO = `role:master\r\nmaster_replid:${'a'.repeat(40)}\r\n`;

/** As much of an ioredis client as a link uses; commands are answered by the test. */
class FakeClient extends EventEmitter {
  status = 'wait';
  info_ = INFO;
  resets = 0;
  readonly stream = {
    bytesRead: 0,
    connecting: false,
    writableEnded: false,
    resetAndDestroy: (): void => {
      this.resets++;
    },
    destroy: (): void => {},
  };
  connecting: () => Promise<void> = async () => {};

  connect(): Promise<void> {
    return this.connecting();
  }

  async info(): Promise<string> {
    return this.info_;
  }

  disconnect(): void {
    this.status = 'end';
  }
}

let clock: FakeClock;
let clients: FakeClient[];
let downs: CacheError[];
/** What the next clients are like. */
let change: (client: FakeClient) => void;

beforeEach(() => {
  [clock, clients, downs, change] = [new FakeClock(), [], [], () => {}];
});

async function openLink(): Promise<{ link: Link; client: FakeClient }> {
  const link = new Link({
    clock,
    connectDeadlineMs: DEADLINE_MS,
    deadlineMs: DEADLINE_MS,
    create: () => {
      const client = new FakeClient();
      change(client);
      clients.push(client);
      return client as unknown as Redis;
    },
    prepare: async () => {},
    onUp: () => {},
    onDown: (error) => downs.push(error),
  });
  onTestFinished(() => link.close());
  link.open();
  await settled();
  return { link, client: clients.at(-1) as FakeClient };
}

/** A command whose answer the test gives. */
function pending(link: Link) {
  const { promise, resolve } = Promise.withResolvers<string>();
  const outcome = link.run(() => promise).catch((error: CacheError) => error.code);
  return { answer: resolve, outcome };
}

/** Has bytes come all the time. */
function drip(client: FakeClient): void {
  clock.after(DEADLINE_MS / 4, () => {
    client.stream.bytesRead++;
    drip(client);
  });
}

describe('a command that is not answered within the deadline', () => {
  test('ends the connection by reset, and all that waits on it', async () => {
    const { link, client } = await openLink();
    const [first, second] = [pending(link), pending(link)];
    await clock.advance(DEADLINE_MS + 10);
    expect(await Promise.all([first.outcome, second.outcome])).toEqual(['REMOTE_TIMEOUT', 'REMOTE_TIMEOUT']);
    expect(client.resets).toBe(1);
    expect(downs.map(({ code }) => code)).toEqual(['REMOTE_TIMEOUT']);
    expect(link.isUp).toBe(false);
  });

  test('is waited for while bytes keep coming', async () => {
    const { link, client } = await openLink();
    const large = pending(link);
    for (let i = 0; i < 3; i++) {
      client.stream.bytesRead += 1_000;
      await clock.advance(DEADLINE_MS);
    }
    expect(link.isUp).toBe(true);
    large.answer('whole');
    expect(await large.outcome).toBe('whole');
    expect(downs).toEqual([]);
  });

  test('is not waited for once the bytes stop', async () => {
    const { link, client } = await openLink();
    const large = pending(link);
    client.stream.bytesRead += 1_000;
    await clock.advance(DEADLINE_MS + 10);
    expect(link.isUp).toBe(true);
    await clock.advance(DEADLINE_MS + 10);
    expect(await large.outcome).toBe('REMOTE_TIMEOUT');
  });

  test('is waited for five deadlines at most, however many bytes come', async () => {
    const { link, client } = await openLink();
    const endless = pending(link);
    drip(client);
    await clock.advance(4.9 * DEADLINE_MS);
    expect(link.isUp).toBe(true);
    await clock.advance(0.2 * DEADLINE_MS);
    expect(await endless.outcome).toBe('REMOTE_TIMEOUT');
  });

  // Symptom: over a slow line each of ten reads that were sent together got five deadlines of its own, one after the other.
  test('is waited for no longer because others were answered before it', async () => {
    const { link, client } = await openLink();
    const [first, second] = [pending(link), pending(link)];
    drip(client);
    await clock.advance(3.5 * DEADLINE_MS);
    first.answer('at last');
    expect(await first.outcome).toBe('at last');
    await clock.advance(1.4 * DEADLINE_MS);
    expect(link.isUp).toBe(true);
    await clock.advance(0.2 * DEADLINE_MS);
    expect(await second.outcome).toBe('REMOTE_TIMEOUT');
  });

  test('gets a last chance: a process that was stopped finds its timers due before the answers', async () => {
    const { link } = await openLink();
    const call = pending(link);
    clock.block(10 * DEADLINE_MS);
    const timers = clock.runLateTimers();
    await settled();
    call.answer('it had been there all the time');
    await timers;
    await clock.advance(10);
    expect(await call.outcome).toBe('it had been there all the time');
    expect(link.isUp).toBe(true);
  });
});

describe('the error that tells of a connection', () => {
  test('that could not be made says why', async () => {
    change = (client) => {
      client.connecting = () =>
        Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    };
    await openLink();
    expect(downs[0]).toMatchObject({ code: 'REMOTE_UNAVAILABLE', cause: { code: 'ECONNREFUSED' } });
  });

  test('that ended says why', async () => {
    const { client } = await openLink();
    client.emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    client.emit('end');
    expect(downs[0]).toMatchObject({ code: 'REMOTE_UNAVAILABLE', cause: { code: 'ECONNRESET' } });
  });

  test('never holds what the commands were about', async () => {
    const { client } = await openLink();
    const command = { name: 'set', args: ['a secret key', 'a secret value'] };
    client.emit('error', Object.assign(new Error('went wrong'), { command }));
    client.emit('end');
    expect(downs[0]?.cause).toMatchObject({ message: 'went wrong' });
    expect(JSON.stringify([downs[0], downs[0]?.cause, Object.entries(downs[0]?.cause ?? {})])).not.toContain('secret');
  });

  test('that leads to a replica says so', async () => {
    change = (client) => {
      client.info_ = INFO.replace('master', 'slave');
    };
    await openLink();
    expect(downs[0]).toMatchObject({ code: 'REMOTE_UNAVAILABLE', message: 'the server is not a primary' });
  });
});

test('a socket that was ended is not reset, since Node would wait for its FIN for ever', async () => {
  const { link, client } = await openLink();
  client.stream.writableEnded = true;
  link.drop(Object.assign(new Error('enough')) as CacheError);
  expect(client.resets).toBe(0);
  expect(client.status).toBe('end');
});

test('every attempt has a client of its own, and attempts come at growing distances of two seconds at most', async () => {
  change = (client) => {
    client.connecting = () => Promise.reject(new Error('away'));
  };
  await openLink();
  expect(clients).toHaveLength(1);
  await clock.advance(70);
  expect(clients).toHaveLength(2);
  await clock.advance(60_000);
  const early = clients.length;
  await clock.advance(25_000);
  // Two seconds each, a quarter more or less.
  expect(clients.length - early).toBeGreaterThanOrEqual(9);
  expect(clients.length - early).toBeLessThanOrEqual(17);
  expect(new Set(clients).size).toBe(clients.length);
});
