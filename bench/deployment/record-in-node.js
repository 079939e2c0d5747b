// Loaded before a client's process begins (`node --import`): appends its vectors to the file that TUTTI_BENCH_VECTORS names.
import { appendFileSync } from 'node:fs';
import { SecAggParticipant } from '@tutti/shared/secagg';
import { RoundPart } from '../../packages/client/dist/round-part.js';
import { recordVectors } from './recording.js';

const path = process.env.TUTTI_BENCH_VECTORS;
recordVectors({ RoundPart, SecAggParticipant }, (record) =>
  appendFileSync(path, `${JSON.stringify(record)}\n`),
);
