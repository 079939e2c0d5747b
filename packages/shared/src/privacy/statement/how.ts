import { sharesNoise } from './example-shared.js';
import type { StatementFacts } from './facts.js';
import type { StatementFigures } from './figures.js';
import { releasedWords } from './released.js';
import { counted, numberText, percentText, type StatementItem } from './wording.js';

/** Items 7, 8, 13 and 14: the mechanism and its surroundings. */
export function howItems(facts: StatementFacts, figures: StatementFigures): StatementItem[] {
  return [
    mechanism(facts, figures),
    sampling(facts, figures),
    postProcessing(facts),
    measures(facts, figures),
  ];
}

function mechanism(facts: StatementFacts, { noise, seeded }: StatementFigures): StatementItem {
  const { plan } = facts;
  const law = plan.noiseLaw === 'skellam' ? 'Skellam' : 'distributed discrete Gaussian';
  const { least, most } = noise.deviationOfShare;
  return {
    number: 7,
    heading: 'Mechanism',
    entries: [
      { label: 'Noise', text: `${law}, ${counted(plan.paddedDimension, 'coordinate')}` },
      {
        label: 'Deviation',
        text: `at least ${numberText(noise.deviationOfSum)} in every sum (${numberText(noise.effectiveMultiplier)} times the sensitivity after rounding); ${numberText(least)} to ${numberText(most)} from each client`,
      },
      { label: 'Clipping', text: `L2 norm ${numberText(plan.clipNorm)}, ${releasedWords(facts).clipping}` },
      {
        label: 'Quantisation',
        text: `randomised Hadamard rotation in blocks of ${plan.blockLength}, then conditional stochastic rounding to a grid of step ${numberText(1 / plan.scale)}; rounding raises the sensitivity by ${percentText(plan.roundingInflation - 1)}`,
      },
      {
        label: 'Modulus',
        text: `2^${plan.laneBits}; bounded ${releasedWords(facts).contributions} cannot overflow it`,
      },
      {
        label: 'Wrap probability',
        text: `at most ${numberText(plan.wrapProbability)} a round and ${numberText(noise.wrapProbabilityOfJob)} over the job that noise wraps any coordinate; this costs accuracy, never privacy`,
      },
      ...(plan.clipBit === undefined
        ? []
        : [
            {
              label: 'Clip bit',
              text: `one more coordinate tells whether an update was clipped, with noise of deviation ${numberText(plan.clipBit.deviation)} on the sum of the bits, inside the same release`,
            },
          ]),
      {
        label: 'Randomness',
        text: seeded
          ? 'derived from a seed: it can be recomputed, and protects nobody'
          : 'from the operating system’s cryptographic generator, on each client',
      },
    ],
  };
}

function sampling(
  facts: StatementFacts,
  { sampling: drawn, releasedModel, rounds }: StatementFigures,
): StatementItem {
  const { plan } = facts;
  const drawnAnew = rounds.abortedUncharged;
  const attempts = rounds.completed + rounds.abortedCharged + drawnAnew + rounds.undecided;
  const { rates, kind, sharers, survivors } = drawn;
  const asRealised =
    kind === 'none'
      ? 'no sampling is counted on'
      : `each client entered each round independently with probability ${rates.map(numberText).join(', ')}${kind === 'mixed' ? ', in some of the rounds' : ''}`;
  return {
    number: 8,
    heading: 'Sampling of clients',
    entries: [
      { label: 'As realised', text: asRealised },
      {
        label: 'Cohorts',
        text: `${sharers.least} to ${sharers.most} clients shared keys (${numberText(sharers.mean)} on average); ${survivors.least} to ${survivors.most} were in the sum (${numberText(survivors.mean)} on average)`,
      },
      {
        label: 'Amplification',
        text: releasedModel.amplified
          ? `claimed against readers of the ${releasedWords(facts).many} only, never against the coordinator, which knows who was drawn`
          : 'not claimed',
      },
      ...(releasedModel.amplified
        ? [
            {
              label: 'What amplification rests on',
              text: `that cohorts were drawn independently and their members kept secret, that nothing else betrays who took part, and that hardly any draw was made again for being too small: that raises each client’s chance above the one that is counted (of ${attempts} attempts ${drawnAnew} ended before they were charged, for whatever reason, and were drawn anew). The level of the noise does not: each share is sized by the number of clients that shared keys, so that ${percentText(plan.honestFraction)} of the shares always make up the same variance; losses after keys were shared move the actual noise within that margin. The number of clients in each round does tell about one client, to somebody who knows of all the others whether they took part: such a reader must be given the figures against the coordinator. Clients see who is with them in a round: against them, and whoever they tell, the rounds that they were in count as against the coordinator`,
            },
          ]
        : []),
    ],
  };
}

function postProcessing(facts: StatementFacts): StatementItem {
  return {
    number: 13,
    heading: 'After the noise',
    entries: [
      {
        label: 'Post-processing',
        text: `residues are read as signed numbers, divided by ${numberText(facts.plan.scale)}, rotated back, ${releasedWords(facts).processing}. None of this costs privacy`,
      },
    ],
  };
}

function measures(facts: StatementFacts, { noise, unit }: StatementFigures): StatementItem {
  const { software } = facts;
  const arithmetic =
    unit === 'example' && !sharesNoise(facts)
      ? {
          floats:
            'gradients are 32-bit floats. The sum of a step is rounded to a grid much finer than its noise, and integer noise is added to it, on the client; the samplers use integers alone, from random bits to noise',
          exactness:
            'drawn from tables of 128 bits; their distance from the law of the noise is not booked in δ',
        }
      : {
          floats: `only integer noise is ever added to integer data, on the client; the samplers use integers alone, from random bits to noise; ${sharesNoise(facts) ? 'gradients are 32-bit floats, with an allowance in what one of them may move' : 'the sensitivity is checked on the integers that are sent'}`,
          exactness: `drawn from tables of 128 bits; over all clients and rounds at a statistical distance of at most ${numberText(noise.distance)} from the stated law, which is booked in δ`,
        };
  return {
    number: 14,
    heading: 'Arithmetic, side channels, code',
    entries: [
      { label: 'Floating point', text: arithmetic.floats },
      { label: 'Exactness of the noise', text: arithmetic.exactness },
      {
        label: 'Side channels',
        text: 'drawing noise and rounding take a time that depends on what is drawn; vectors are sent whole, when they are done, on the protocol’s schedule. JavaScript can promise neither constant time nor that memory is erased',
      },
      {
        label: 'Code',
        text: `${software.name} ${software.version}${software.source === undefined ? '' : `, ${software.source}`}`,
      },
    ],
  };
}
