/** Replies to a login that is wrong, and to anything else before there was one. */
const REFUSED_LOGIN = /^(WRONGPASS|NOAUTH)\b/;

/** What a connection that failed for this reason is told as: a login that was refused, or `otherwise`. */
export function failureMessage(cause: unknown, otherwise: string): string {
  const isRefused = cause instanceof Error && REFUSED_LOGIN.test(cause.message);
  return isRefused ? 'Redis refused the login' : otherwise;
}

/** An error of the client without the command it belongs to, whose arguments are keys, values and passwords. */
export function withoutArguments(error: unknown): unknown {
  if (!(error instanceof Error) || !('command' in error)) return error;
  const { name, message } = error;
  return Object.assign(new Error(message), { name });
}
