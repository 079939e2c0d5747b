// A participant with a model of its own: nothing here knows TensorFlow.js. Its model is the mean of the rows, as a vector of weights: each
// round it proposes the step from the global weights to its own mean.
//
//   node examples/custom-trainer/participate.js 'tutti-invitation-…'
//
// The job must have as many weights as the vector has numbers; here, `model: { inputs: 2, classes: 2 }` has (2 + 1) * 2 = 6.
import { dialCoordinator, enrol, HttpArtifacts, Library, MemoryJournal, Participant } from '@tutti/client';
import { createIdentity, fromHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { decodeInvitation } from '@tutti/shared/protocol';

const rows = [
  [0.2, 0.4, 0.1, 0.9, 0.0, 0.3],
  [0.4, 0.2, 0.3, 0.7, 0.2, 0.1],
];
const mean = rows[0].map((_, at) => rows.reduce((sum, row) => sum + row[at], 0) / rows.length);

const invitation = decodeInvitation(process.argv[2] ?? '');
const identity = await createIdentity(primitives, systemRandom);
const participant = new Participant({
  primitives,
  random: () => systemRandom,
  identity,
  certificate: await enrol(primitives, invitation, identity, Date.now()),
  authority: fromHex(invitation.authority),
  coordinator: fromHex(invitation.coordinator),
  groupId: fromHex(invitation.group),
  library: new Library(new HttpArtifacts(invitation.url), primitives),
  work: { contribute: ({ model }) => Promise.resolve(model.map((weight, at) => mean[at] - weight)) },
  policy: {
    maximumEpsilon: 20,
    maximumDelta: 1e-2,
    minimumCohort: 5,
    minimumCorruptFraction: 0,
    maximumAttempts: 3,
  },
  // Forgotten with this process: in earnest, `ClientStore` of `@tutti/client/daemon`.
  journal: new MemoryJournal(),
  now: () => Date.now(),
  observe: (event) => {
    console.log(JSON.stringify(event));
    if (event.kind === 'welcomed') connection.settled();
  },
});
const connection = dialCoordinator(invitation.url, {
  largestBody: 4 * 2 ** 20,
  accept: (channel) => participant.accept(channel),
});
process.once('SIGINT', () => connection.close());
