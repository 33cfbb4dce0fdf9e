import { type Cache, type CacheOptions, createCache } from 'tierwise';
import { afterEach, beforeEach } from 'vitest';
import { type OtlpReceiver, startReceiver } from './otlp-receiver.ts';
import { type Sdk, startSdk, unregister } from './sdk.ts';

/** One instance of a service, and the collector that its SDK sends to. */
export interface Service {
  readonly receiver: OtlpReceiver;
  readonly sdk: Sdk;
  /** A cache that is closed before the SDK is shut down. */
  open(options?: Partial<CacheOptions>): Cache;
}

/** A new one for each test of a file; what the test registered globally is gone with it. */
export function serviceOfEachTest(): Service {
  let receiver: OtlpReceiver;
  let sdk: Sdk;
  const caches: Cache[] = [];

  beforeEach(async () => {
    receiver = await startReceiver();
    sdk = startSdk(receiver, 'one');
  });

  afterEach(async () => {
    for (const cache of caches.splice(0)) await cache.close();
    await sdk.shutdown();
    unregister();
    await receiver[Symbol.asyncDispose]();
  });

  return {
    get receiver() {
      return receiver;
    },
    get sdk() {
      return sdk;
    },
    open(options) {
      const cache = createCache({ name: 'shop', ttl: '5m', memory: { maxEntries: 10_000 }, ...options });
      caches.push(cache);
      return cache;
    },
  };
}
