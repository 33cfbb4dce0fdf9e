/** Address of one node. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** An address as a name for the node behind it. */
export function addressText({ host, port }: NodeAddress): string {
  return `${host}:${port}`;
}
