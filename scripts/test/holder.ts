/** Starts a Redis, says where, and stays until it is ended from outside; with an argument it returns at once. */
import { startRedis } from '../servers/index.ts';

const { pid, dir } = await startRedis();
console.log(JSON.stringify({ pid, dir }));
if (process.argv.length === 2) setInterval(() => {}, 60_000);
