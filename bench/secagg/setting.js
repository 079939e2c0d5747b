import { createIdentity, encodeCertificate, issueCertificate, toHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';

const LANE_BITS = 16;

/** A cohort that is enrolled and has a round before it: all that the parties are made of, as plain data. */
export async function createSetting(clients, dimension) {
  const now = Date.now();
  const ring = clients > 128;
  const hash = (byte) => new Uint8Array(32).fill(byte);
  const authority = await createIdentity(primitives, systemRandom);
  const coordinator = await createIdentity(primitives, systemRandom);
  const expected = {
    taskId: hash(1),
    groupId: hash(2),
    modelHash: hash(3),
    quantHash: hash(4),
    dpHash: hash(5),
    dimension,
    laneBits: LANE_BITS,
    honestPpm: 700_000,
    minimumCohort: 3,
    gammaPpm: 100_000,
  };
  const parameters = {
    ...expected,
    roundNumber: 1,
    profile: 'M',
    graphMode: ring ? 'ring-reveal' : 'complete',
    minimumRoster: 3,
    maximumRoster: clients,
    deltaPpm: ring ? 50_000 : 100_000,
    sigma: 40,
    grindBits: ring ? 64 : 0,
    revocationVersion: 0,
    deadlines: Object.fromEntries(
      ['advertise', 'revealSeed', 'share', 'input', 'consistency', 'unmask'].map((phase, at) => [
        phase,
        now + (at + 1) * 3_600_000,
      ]),
    ),
  };
  const members = [];
  for (let serial = 0; serial < clients; serial++) {
    const identity = await createIdentity(primitives, systemRandom);
    const claims = {
      identity: identity.publicKey,
      groupId: expected.groupId,
      notBefore: 0,
      notAfter: now * 2,
      serial,
    };
    const certificate = encodeCertificate(await issueCertificate(primitives, authority.secretKey, claims));
    members.push({ id: toHex(identity.publicKey), identity, certificate });
  }
  return { now, expected, parameters, authority: authority.publicKey, coordinator, members };
}

/** As many clients as the round must bear the loss of. */
export function lostClients({ parameters, members }) {
  return Math.floor((members.length * parameters.deltaPpm) / 1e6);
}

export function coordinatorOptions({ parameters, authority, coordinator }) {
  return { primitives, signingKey: coordinator, authority, parameters };
}

export function participantOptions({ expected, authority, coordinator }, { identity, certificate }) {
  return {
    primitives,
    random: systemRandom,
    identity,
    certificate,
    authority,
    coordinator: coordinator.publicKey,
    expected,
    policy: { minimumCohort: 3, minimumCorruptFraction: 0.1, maximumAttempts: 2 },
    highestRound: -1,
    attempts: 0,
  };
}

/** The same vector for every client, so that their sum is known. */
export function vectorOf(dimension) {
  return Uint16Array.from({ length: dimension }, (_, index) => index);
}

export function isSumOf(sum, clients) {
  return sum.every((value, index) => value === (clients * (index & 0xffff)) % 0x10000);
}
