// The program of the noise thread: it draws one vector after the other, always a little ahead of the training, and waits while nothing is used.
import { workerData } from 'node:worker_threads';
import { systemRandom } from '@tutti/shared/crypto/primitives';
import { drawAhead } from './draw-ahead.js';
import type { RingMemory } from './ring.js';

drawAhead(workerData as RingMemory, systemRandom);
