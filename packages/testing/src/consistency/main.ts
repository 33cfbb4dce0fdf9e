#!/usr/bin/env node
import { runConsistency } from './command.ts';

try {
  process.exitCode = await runConsistency({ args: process.argv.slice(2), redisUrl: process.env.REDIS_URL });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
