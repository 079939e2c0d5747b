import { equalBytes, toHex } from '../../crypto/bytes.js';
import { signLabelled } from '../labels.js';
import { decodeRoster, decodeSeeds, encodeSeedReveal } from '../messages/advertise.js';
import {
  assembleRoster,
  commitSeed,
  seedFromReveals,
  seedFromValue,
  seedWithoutGraph,
  type Roster,
} from '../round-context.js';
import { roundCohort, type RoundParameters } from '../round-parameters.js';
import { refuse, requireSignature, send, type Environment, type Step } from './environment.js';
import { checkCohort } from './policy.js';
import { shareSecrets } from './share.js';
import type { Advertised, SeedRevealed } from './states.js';

/** R0b: who else takes part, the same for everybody or nothing will cancel. */
export async function acceptRoster(
  environment: Environment,
  state: Advertised,
  body: Uint8Array,
  now: number,
): Promise<Step> {
  const { primitives, identity } = environment;
  const { parameters, parametersHash } = state;
  const { roster, index, seed } = await checkRoster(environment, state, body);
  checkCohort(roundCohort(parameters, roster.members.length), environment.policy);
  const joined = withoutAdvert(state);
  switch (parameters.graphMode) {
    case 'complete':
      return shareSecrets(environment, joined, roster, index, seedWithoutGraph(primitives, roster), now);
    case 'ring-server':
      if (seed.length !== 32) throw refuse('seed', 'the coordinator’s seed is not 32 bytes long');
      return shareSecrets(
        environment,
        joined,
        roster,
        index,
        seedFromValue(primitives, parametersHash, roster, seed),
        now,
      );
    case 'ring-beacon': {
      const value = await beaconValue(environment, parameters, now);
      const graphSeed = seedFromValue(primitives, parametersHash, roster, value);
      return shareSecrets(environment, joined, roster, index, graphSeed, now);
    }
    case 'ring-reveal': {
      const signature = await signLabelled(
        primitives,
        identity.secretKey,
        'seedreveal',
        parametersHash,
        roster.hash,
        state.seedShare,
      );
      return {
        state: { ...joined, phase: 'seed-revealed', roster, index },
        effects: [send('seed-reveal', encodeSeedReveal({ seed: state.seedShare, signature }))],
      };
    }
  }
}

async function checkRoster(
  environment: Environment,
  { parameters, parametersHash, advert }: Advertised,
  body: Uint8Array,
): Promise<{ roster: Roster; index: number; seed: Uint8Array }> {
  const { primitives, identity, coordinator } = environment;
  const { adverts, seed, signature } = decodeRoster(body);
  const { minimumRoster, maximumRoster } = parameters;
  if (adverts.length < minimumRoster || adverts.length > maximumRoster) {
    throw refuse('roster-size', 'the roster is too small or too large');
  }
  if (parameters.graphMode !== 'ring-server' && seed.length > 0) {
    throw refuse('seed', 'the coordinator offers a seed that is not its to choose');
  }
  const roster = assembleRoster(primitives, parametersHash, adverts);
  await requireSignature(environment, coordinator, signature, 'roster', parametersHash, roster.hash, seed);
  const index = roster.indexOf(toHex(identity.publicKey));
  const own = index === undefined ? undefined : roster.members[index];
  if (index === undefined || own === undefined || !equalBytes(own.body, advert)) {
    throw refuse('roster-without-me', 'the roster does not hold this client’s advert');
  }
  return { roster, index, seed };
}

/**
 * The value that was not out yet when this client saw the roster: then nobody chose the one for the other. Its own clock and its own
 * source decide.
 */
async function beaconValue(
  { beacon }: Environment,
  parameters: RoundParameters,
  now: number,
): Promise<Uint8Array> {
  const round = parameters.beacon?.round;
  if (beacon === undefined || round === undefined) throw refuse('beacon', 'this client knows no beacon');
  const published = beacon.publishedAt(round);
  if (!(now < published)) {
    throw refuse('beacon', 'the beacon’s value was out before this client saw the roster');
  }
  // Whoever waits for the value holds its secrets meanwhile, and is deaf: not for longer than it agreed to.
  if (published > parameters.deadlines.share) {
    throw refuse('beacon', 'the beacon’s value comes out when shares are due already');
  }
  try {
    return await beacon.value(round);
  } catch {
    throw refuse('beacon', 'the beacon’s value could not be had, or does not verify');
  }
}

/** The graph's seed comes from what enough clients had committed to before they knew one another. */
export async function acceptSeeds(
  environment: Environment,
  state: SeedRevealed,
  body: Uint8Array,
  now: number,
): Promise<Step> {
  const { primitives } = environment;
  const { roster, index, parameters, parametersHash } = state;
  const seeds = decodeSeeds(body);
  for (const { index: from, seed } of seeds) {
    const advert = roster.members[from];
    if (advert === undefined || !equalBytes(advert.seedCommitment, commitSeed(primitives, seed))) {
      throw refuse('seed', 'a revealed seed is not the one committed to');
    }
  }
  const { quorum } = roundCohort(parameters, roster.members.length);
  if (seeds.length < quorum || !seeds.some(({ index: from }) => from === index)) {
    throw refuse('seed', 'too few seeds were revealed, or this client’s is left out');
  }
  const graphSeed = seedFromReveals(primitives, parametersHash, roster, seeds);
  return shareSecrets(environment, state, roster, index, graphSeed, now);
}

function withoutAdvert({ parameters, parametersHash, sealing, masking, seedShare }: Advertised) {
  return { parameters, parametersHash, sealing, masking, seedShare };
}
