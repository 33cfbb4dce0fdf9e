/** Who spans and metrics are from, as the SDK names it. */
export const SCOPE = { name: '@tierwise/otel', version: '0.1.0' } as const;
