/** The part of memjs that is used here; it comes without types. */
declare module 'memjs' {
  export class Client {
    static create(servers: string): Client;
    get(key: string): Promise<{ value: Buffer | null }>;
    set(key: string, value: string, options: { expires: number }): Promise<boolean>;
    delete(key: string): Promise<boolean>;
    close(): void;
  }
}
