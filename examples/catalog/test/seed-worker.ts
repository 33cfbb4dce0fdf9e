import { workerData } from 'node:worker_threads';
import { generateShop, type ShopSize } from '../src/seed.ts';

const { file, size } = workerData as { file: string; size: ShopSize };
generateShop(file, 1, size);
