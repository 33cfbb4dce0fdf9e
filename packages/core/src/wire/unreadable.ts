/** Says that a payload is not what its codec writes. Carries nothing of the payload; the reader counts a miss. */
export class UnreadablePayload extends Error {
  override readonly name = 'UnreadablePayload';

  /** @param options `cause`: what a class extension threw. Nothing else may stand there: it could quote the value. */
  constructor(options?: { cause: unknown }) {
    super('the payload is not what this codec writes', options);
  }
}
