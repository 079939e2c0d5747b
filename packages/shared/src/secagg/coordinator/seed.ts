import { equalBytes } from '../../crypto/bytes.js';
import type { Message, MessageType } from '../message.js';
import { decodeSeedReveal, decodeSeeds, encodeSeeds, type SeedReveal } from '../messages/advertise.js';
import {
  commitSeed,
  formRound,
  memberOf,
  seedFromReveals,
  seedFromValue,
  type Roster,
} from '../round-context.js';
import { roundCohort } from '../round-parameters.js';
import { refuse, requireSignature, RoundFailure, type Environment } from './environment.js';
import { RosterPhase, type RoundPhase } from './phase.js';
import { SharePhase } from './share.js';

/** R0b with `ring-reveal`: clients open what they committed to. Ends with the seeds that were opened. */
export class RevealSeedPhase extends RosterPhase<SeedReveal> {
  readonly name = 'reveal-seed';
  readonly gathers: MessageType = 'seed-reveal';

  constructor(
    environment: Environment,
    roster: Roster,
    private readonly announcement: Message,
  ) {
    super(environment, roster);
  }

  protected get asked(): Iterable<number> {
    return this.roster.members.keys();
  }

  protected read(_index: number, body: Uint8Array): SeedReveal {
    return decodeSeedReveal(body);
  }

  protected async check(index: number, { seed, signature }: SeedReveal): Promise<void> {
    const { primitives, parametersHash } = this.environment;
    if (!equalBytes(memberOf(this.roster, index).seedCommitment, commitSeed(primitives, seed))) {
      throw refuse('seed', 'the seed is not the one committed to');
    }
    const identity = this.identityOf(index);
    await requireSignature(
      this.environment,
      identity,
      signature,
      'seedreveal',
      parametersHash,
      this.roster.hash,
      seed,
    );
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that a failure is a rejection, as in every phase
  async decide(): Promise<Uint8Array> {
    const { quorum } = roundCohort(this.environment.parameters, this.roster.members.length);
    const count = this.gathered.size;
    if (count < quorum) {
      throw new RoundFailure('too-few-seeds', `${count} of at least ${quorum} clients revealed their seed`);
    }
    const seeds = [...this.gathered].sort(([a], [b]) => a - b).map(([index, { seed }]) => ({ index, seed }));
    return encodeSeeds(seeds);
  }

  async follow(decision: Uint8Array): Promise<RoundPhase> {
    const { primitives, parameters, parametersHash } = this.environment;
    const seeds = decodeSeeds(decision);
    const graphSeed = seedFromReveals(primitives, parametersHash, this.roster, seeds);
    const round = await formRound(primitives, parameters, parametersHash, this.roster, graphSeed);
    // Who did not reveal refuses a list without its own seed: it is not asked.
    const revealed = seeds.map(({ index }) => index);
    return new SharePhase(this.environment, round, revealed, { type: 'seeds', body: decision });
  }

  protected announce(): Message {
    return this.announcement;
  }
}

/**
 * R0b with `ring-beacon`: everybody waits for the beacon, nobody says anything. The shell closes this phase at once, after performing its effects, or the
 * first client that speaks does; closing it takes until the value is out.
 */
export class BeaconPhase extends RosterPhase<never> {
  readonly name = 'reveal-seed';
  readonly gathers = undefined;
  protected readonly asked = [];

  constructor(
    environment: Environment,
    roster: Roster,
    private readonly announcement: Message,
  ) {
    super(environment, roster);
  }

  protected read(): never {
    throw refuse('misplaced', 'nothing is asked of anybody now');
  }

  protected check(): Promise<void> {
    return Promise.resolve();
  }

  async decide(): Promise<Uint8Array> {
    const { beacon, parameters } = this.environment;
    try {
      return await (beacon?.value(parameters.beacon?.round ?? 0) ?? Promise.reject(new Error('no beacon')));
    } catch {
      throw new RoundFailure('beacon', 'the beacon’s value could not be had, or does not verify');
    }
  }

  async follow(decision: Uint8Array): Promise<RoundPhase> {
    const { primitives, parameters, parametersHash } = this.environment;
    const graphSeed = seedFromValue(primitives, parametersHash, this.roster, decision);
    const round = await formRound(primitives, parameters, parametersHash, this.roster, graphSeed);
    return new SharePhase(this.environment, round, this.roster.members.keys(), undefined);
  }

  protected announce(): Message {
    return this.announcement;
  }
}
