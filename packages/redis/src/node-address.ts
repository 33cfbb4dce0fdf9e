import type { Redis } from 'ioredis';

/** Address of one node. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** An address as a name for the node behind it. */
export function addressText({ host, port }: NodeAddress): string {
  return `${host}:${port}`;
}

/**
 * Where a client connects to, as `host:port` or the path of a socket. `undefined` where Sentinels tell it for every connection
 * anew.
 */
export function serverOf(client: Redis | undefined): string | undefined {
  const { host, port, path, sentinels } = client?.options ?? {};
  if (sentinels !== undefined && sentinels !== null) return undefined;
  if (typeof path === 'string') return path;
  return host === undefined || port === undefined ? undefined : addressText({ host, port });
}
