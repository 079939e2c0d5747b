import type { IndexSet } from '../index-set.js';
import { u32 } from '../labels.js';
import type { Evidence, Quorum } from '../messages/consistency.js';
import { degreeWithin, memberOf, type RoundContext } from '../round-context.js';
import { requiredSurvivors } from '../round-parameters.js';
import { refuse, requireSignature, type Environment } from './environment.js';
import type { Masked, Signed } from './states.js';
import { checkCertificate } from './trust.js';

/**
 * The survivors will be among the sharers, so there must be as many as survivors are required; and enough neighbours to be unmasked.
 * @throws {Refusal} `secagg.left-out`, `secagg.too-few-sharers`, `secagg.isolated`
 */
export function checkSharers(
  { parameters, cohort, graph }: RoundContext,
  index: number,
  sharers: IndexSet,
): void {
  if (!sharers.has(index)) throw refuse('left-out', 'this client is not among those that shared keys');
  const required = requiredSurvivors(parameters, cohort.n, sharers.count);
  if (sharers.count < required) {
    throw refuse('too-few-sharers', `${sharers.count} clients shared keys where ${required} are required`);
  }
  if (degreeWithin(graph, index, sharers) < cohort.threshold) {
    throw refuse('isolated', 'too few of this client’s neighbours shared keys');
  }
}

/**
 * Whoever is declared lost must not help, nobody who never shared may be counted in, the sum must be of enough clients for the quorum and
 * the noise, and enough neighbours must survive that nobody can be cut off from the rest.
 * @throws {Refusal} `secagg.left-out`, `secagg.survivors`, `secagg.too-few-survivors`, `secagg.isolated`
 */
export function checkSurvivors({ round, index, sharers }: Masked, survivors: IndexSet): void {
  const { parameters, cohort, graph } = round;
  if (!survivors.has(index)) throw refuse('left-out', 'this client is not among the survivors');
  if (!survivors.within(sharers)) throw refuse('survivors', 'a survivor never shared keys');
  const required = requiredSurvivors(parameters, cohort.n, sharers.count);
  if (survivors.count < required) {
    throw refuse(
      'too-few-survivors',
      `there are ${survivors.count} survivors where ${required} are required`,
    );
  }
  if (degreeWithin(graph, index, survivors) < cohort.threshold) {
    throw refuse('isolated', 'too few of this client’s neighbours are among the survivors');
  }
}

/**
 * Each surviving neighbour signed that it masked under the same set of sharers: so the masks that it and this client share cancel.
 * @throws {Refusal} `secagg.evidence`, `secagg.signature`
 */
export async function checkEvidence(
  environment: Environment,
  { round, index, sharersHash }: Masked,
  survivors: IndexSet,
  evidence: readonly Evidence[],
): Promise<void> {
  const neighbours = [...round.graph.neighbours(index)].filter((neighbour) => survivors.has(neighbour));
  if (evidence.length !== neighbours.length) {
    throw refuse('evidence', 'the evidence is for other than the surviving neighbours');
  }
  for (const [place, { vectorHash, signature }] of evidence.entries()) {
    const neighbour = neighbours[place] ?? -1;
    const { identity } = memberOf(round.roster, neighbour);
    await requireSignature(
      environment,
      identity,
      signature,
      'masked',
      round.hash,
      sharersHash,
      u32(neighbour),
      vectorHash,
    );
  }
}

/**
 * Two quorums share an honest client, and an honest client signs once: so there is one set of survivors that anybody helps to unmask.
 * @throws {Refusal} `secagg.quorum`, `secagg.signature`, `certificate.…`
 */
export async function checkQuorum(
  environment: Environment,
  { round, sharersHash, survivors, survivorsHash, certified }: Signed,
  quorum: Quorum,
  now: number,
): Promise<void> {
  if (quorum.length < round.cohort.quorum) throw refuse('quorum', 'too few survivors signed');
  for (const { index, signature } of quorum) {
    if (!survivors.has(index)) throw refuse('quorum', 'somebody signed who did not survive');
    await checkCertificate(environment, round, certified, index, now);
    const { identity } = memberOf(round.roster, index);
    await requireSignature(
      environment,
      identity,
      signature,
      'u3',
      round.hash,
      sharersHash,
      survivorsHash,
      u32(index),
    );
  }
}
