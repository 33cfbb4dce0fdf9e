declare module 'vitest' {
  export interface ProvidedContext {
    /** Major version of the SDK that this run is about. */
    otelSdk: '2' | '3';
  }
}

export {};
