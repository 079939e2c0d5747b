/** Many clients in one process, each on a connection of its own, with the participant that is deployed. */
import { dialCoordinator, HttpArtifacts, Library, MemoryJournal, Participant, trainOn } from '@tutti/client';
import { createTrainer } from '@tutti/client/training';
import { createIdentity, encodeCertificate, fromHex, issueCertificate } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { modelSpecSchema } from '@tutti/shared/learning';

const [url, keysText, first, count] = process.argv.slice(2);
const keys = JSON.parse(keysText);
const trainer = await createTrainer(modelSpecSchema.parse({ inputs: 64, classes: 10 }), 'arrays');
const shared = {
  primitives,
  random: () => systemRandom,
  authority: fromHex(keys.authority),
  coordinator: fromHex(keys.coordinator),
  groupId: fromHex(keys.group),
  library: new Library(new HttpArtifacts(url), primitives),
  work: trainOn(
    () => ({ features: new Float32Array(640).fill(0.1), labels: new Int32Array(10), count: 10 }),
    () => trainer,
  ),
  policy: {
    maximumEpsilon: 1e9,
    maximumDelta: 0.1,
    minimumCohort: 3,
    minimumCorruptFraction: 0,
    maximumAttempts: 1000,
  },
  now: () => Date.now(),
};
/** So many handshakes at a time: a fleet that dials all at once would measure its own queue. */
const AT_ONCE = 50;

async function join(serial) {
  const identity = await createIdentity(primitives, systemRandom);
  const certificate = await issueCertificate(primitives, fromHex(keys.authoritySecret), {
    identity: identity.publicKey,
    groupId: shared.groupId,
    notBefore: 0,
    notAfter: 2 ** 50,
    serial,
  });
  await new Promise((resolve, reject) => {
    const participant = new Participant({
      ...shared,
      identity,
      certificate: encodeCertificate(certificate),
      journal: new MemoryJournal(),
      observe: (event) => {
        if (event.kind === 'welcomed') resolve();
        if (event.kind === 'refused') reject(new Error(event.code));
      },
    });
    dialCoordinator(url, { largestBody: 4 * 2 ** 20, accept: (channel) => participant.accept(channel) });
  });
}

const serials = Array.from({ length: Number(count) }, (_, index) => Number(first) + index);
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let serial = serials.pop(); serial !== undefined; serial = serials.pop()) await join(serial);
  }),
);
process.send('connected');
