import { laneBytes, type Lanes } from '../../crypto/lanes.js';
import { Refusal } from '../../errors.js';
import { signLabelled, u32 } from '../labels.js';
import { lanesOver, type ExpansionJob } from '../masking.js';
import { beginMasked } from '../messages/input.js';
import { hashVector, maskSign, memberOf, pairKey, selfKey } from '../round-context.js';
import { vectorLength } from '../round-parameters.js';
import { send, type Environment, type Step } from './environment.js';
import type { Encoding } from './states.js';

/**
 * R2: the vector under its own mask and one of each neighbour that shared keys. It is masked once: the same keys over a second vector would
 * reveal the difference of the two.
 */
export async function maskVector(environment: Environment, state: Encoding, vector: Lanes): Promise<Step> {
  const { primitives, identity, expander, secrets } = environment;
  const { parameters, round, index, sharers, sharersHash } = state;
  const { dimension, laneBits } = parameters;
  if (vector.length !== dimension || vector.BYTES_PER_ELEMENT * 8 !== laneBits) {
    throw new Refusal(
      'secagg.vector',
      `The vector must have ${dimension} lanes of ${laneBits} bits.`,
      'Encode with the round’s plan.',
    );
  }
  const masked = beginMasked(vectorLength(parameters));
  masked.vector.set(laneBytes(vector));
  const jobs = await maskJobs(environment, state);
  await expander.expand(jobs, lanesOver(masked.vector, laneBits));
  secrets.drop(...jobs.map(({ key }) => key));
  const vectorHash = hashVector(primitives, index, masked.vector);
  masked.finish(
    await signLabelled(
      primitives,
      identity.secretKey,
      'masked',
      round.hash,
      sharersHash,
      u32(index),
      vectorHash,
    ),
  );
  return {
    state: { ...state, phase: 'masked' },
    effects: [{ kind: 'charge', sharers: sharers.count }, send('masked', masked.body)],
  };
}

async function maskJobs(
  { primitives, secrets }: Environment,
  { round, index, selfSeed, masking, sharers, sharersHash }: Encoding,
): Promise<ExpansionJob[]> {
  const own = secrets.keep(selfKey(primitives, round, selfSeed, index, sharersHash));
  const jobs: ExpansionJob[] = [{ key: own, sign: 1 }];
  for (const neighbour of round.graph.neighbours(index)) {
    if (!sharers.has(neighbour)) continue;
    const agreed = await primitives.agree(masking.secretKey, memberOf(round.roster, neighbour).maskingKey);
    const key = secrets.keep(pairKey(primitives, round, agreed, index, neighbour, sharersHash));
    secrets.drop(agreed);
    jobs.push({ key, sign: maskSign(index, neighbour) });
  }
  return jobs;
}
