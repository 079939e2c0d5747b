/** All clients of a round, in a thread of their own: the coordinator's thread has nothing of their work. Frames go over one port, many at a time. */
import { setImmediate } from 'node:timers';
import { parentPort, workerData } from 'node:worker_threads';
import { Library, MemoryJournal, Participant } from '@tutti/client';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';

const { clients, authority, coordinator, groupId } = workerData;
const artifacts = new Map();
const library = new Library({ fetch: (hash) => Promise.resolve(artifacts.get(hash)) }, primitives);
let waiting = [];
const say = (client, frame) => {
  if (waiting.length === 0) setImmediate(() => parentPort.postMessage(waiting.splice(0)));
  waiting.push({ client, frame });
};
const handlers = clients.map(({ identity, certificate }, client) =>
  new Participant({
    primitives,
    random: () => systemRandom,
    identity,
    certificate,
    authority,
    coordinator,
    groupId,
    library,
    // Nobody trains: an update of nothing, to which the noise is added all the same.
    work: { contribute: ({ model }) => Promise.resolve(new Float32Array(model.length)) },
    policy: {
      maximumEpsilon: 1e9,
      maximumDelta: 0.1,
      minimumCohort: 3,
      minimumCorruptFraction: 0,
      maximumAttempts: 1000,
    },
    journal: new MemoryJournal(),
    now: () => Date.now(),
  }).accept({ send: (frame) => say(client, frame), close: () => undefined }),
);
parentPort.on('message', ({ artifact, frames }) => {
  if (artifact) artifacts.set(artifact.hash, artifact.bytes);
  for (const { client, frame } of frames ?? []) handlers[client].receive(frame);
});
