/** All clients of a round, in a process of their own: the coordinator's has nothing of their work. */
import { Library, MemoryJournal, Participant } from '@tutti/client';
import { memoised } from '@tutti/shared/crypto';
import { primitives as platform, systemRandom } from '@tutti/shared/crypto/primitives';
import { Mailbox } from './mailbox.js';

const [folder] = process.argv.slice(2);
// A hundred clients check the same signatures: on one machine, once is enough.
const primitives = memoised(platform);
const artifacts = new Map();
const library = new Library({ fetch: (hash) => Promise.resolve(artifacts.get(hash)) }, primitives);
const handlers = [];

const mailbox = new Mailbox({
  folder,
  side: 'clients',
  peer: process,
  received: (batch) => {
    for (const { members, artifact, forget, client, frame } of batch) {
      if (members) join(members);
      else if (artifact) artifacts.set(artifact.hash, artifact.bytes);
      else if (forget) primitives.forget();
      else handlers[client].receive(frame);
    }
  },
});

function join({ clients, ...federation }) {
  for (const [client, { identity, certificate }] of clients.entries()) {
    const participant = new Participant({
      ...federation,
      primitives,
      random: () => systemRandom,
      identity,
      certificate,
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
    });
    const send = (frame) => mailbox.post({ client, frame });
    handlers.push(participant.accept({ send, close: () => undefined }));
  }
}
