const REDIRECTION = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/;

/**
 * The answer of a cluster node that does not serve a slot, or not now; `undefined` for any other error.
 *
 * - `MOVED`: another node serves it.
 * - `ASK`, `TRYAGAIN`: it is on its way to another node, and the keys are there, or some here and some there.
 * - `CLUSTERDOWN`: nobody serves it, as far as this node knows.
 */
export function redirectionOf(error: unknown): string | undefined {
  const reply = error instanceof Error && error.name !== 'ReplyError' ? error.cause : error;
  if (!(reply instanceof Error) || !REDIRECTION.test(reply.message)) return undefined;
  return reply.message;
}
