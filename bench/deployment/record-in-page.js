// The participant of a page, in its worker, telling its vectors to whoever listens in the same browser.
import { SecAggParticipant } from '@tutti/shared/secagg';
import { RoundPart } from '../../packages/client/src/round-part.ts';
import '../../packages/client/src/browser/participant-worker.ts';
import { recordVectors } from './recording.js';

const channel = new globalThis.BroadcastChannel('tutti-bench-vectors');
recordVectors({ RoundPart, SecAggParticipant }, (record) => channel.postMessage(record));
