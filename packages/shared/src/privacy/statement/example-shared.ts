import type { StatementFacts } from './facts.js';
import type { StatementFigures } from './figures.js';
import { counted, numberText, percentText, type StatementItem } from './wording.js';

/** Whether the clients of a cohort share the noise that protects each example. */
export function sharesNoise({ plan }: Pick<StatementFacts, 'plan'>): boolean {
  return plan.unitNorm !== undefined;
}

/** Against whom the ε of an example holds. */
export function against(facts: StatementFacts): string {
  return sharesNoise(facts)
    ? 'all others, so long as enough of each cohort are honest'
    : 'everybody outside its client';
}

/** What the shares count on, in a sentence. */
export function countsOn({ plan }: StatementFacts): string {
  return `The noise is that of a whole cohort: the figures count on ${percentText(plan.honestFraction)} of the clients that shared keys being honest and in the sum, and on the coordinator not enrolling clients of its own making.`;
}

/** Item 6 where the noise is shared. */
export function sharedDeployment(facts: StatementFacts, { population }: StatementFigures): StatementItem {
  const { plan, minimumCohort, enrolment } = facts;
  return {
    number: 6,
    heading: 'Who is trusted with what',
    entries: [
      {
        label: 'Model of trust',
        text: 'federated: every client bounds what each of its examples can move, and adds its own share of the noise before anything leaves it; the sums are added up under secure aggregation. The share of one client alone would not protect its examples',
      },
      { label: 'Clients', text: `${population} enrolled; each sees its own data and the models` },
      {
        label: 'Coordinator',
        text: 'sees who takes part, masked vectors, and one noisy sum a round; never what a single client gave, if the cryptography and its assumptions hold',
      },
      { label: 'Readers of the model', text: 'see the models only; the same figures hold against them' },
      {
        label: 'Collusion and dropout',
        text: `the noise is sized so that ${percentText(plan.honestFraction)} of the clients that shared keys suffice: a round ends without a sum when fewer honest clients than that, or fewer than ${minimumCohort} clients at all, are left in it`,
      },
      {
        label: 'The client',
        text: 'holds its examples in the clear, and is trusted to draw batches, to clip and to draw its share as the job says',
      },
      {
        label: 'Enrolment',
        text:
          enrolment === 'independent'
            ? 'by an authority apart from the coordinator'
            : 'by the coordinator itself: it could enrol clients of its own making, so that the figures count on its not doing so',
      },
    ],
  };
}

/** Item 7 where the noise is shared. */
export function sharedMechanism(
  { plan, example }: StatementFacts,
  { noise, seeded }: StatementFigures,
): StatementItem {
  const { least, most } = noise.deviationOfShare;
  return {
    number: 7,
    heading: 'Mechanism',
    entries: [
      {
        label: 'Training',
        text: 'DP-SGD over a cohort: one step a round, for which each client draws a batch of its own anew, which may be empty',
      },
      {
        label: 'Noise',
        text: `distributed discrete Gaussian, ${counted(plan.paddedDimension, 'coordinate')}`,
      },
      {
        label: 'Deviation',
        text: `at least ${numberText(noise.deviationOfSum)} in every sum (${numberText(noise.effectiveMultiplier)} times what one example can move it by, after rounding); ${numberText(least)} to ${numberText(most)} from each client`,
      },
      {
        label: 'Clipping',
        text: `the gradient of each example${example === undefined ? '' : `, to L2 norm ${numberText(example.clipNorm)}`}, so that it moves the sum by ${numberText(plan.unitNorm ?? NaN)} at the most. What a client adds up is cut to ${numberText(plan.clipNorm)}: two such sums are no further apart afterwards`,
      },
      {
        label: 'Quantisation',
        text: `randomised Hadamard rotation in blocks of ${plan.blockLength}, then rounding by a dither that does not depend on the data, to a grid of step ${numberText(1 / plan.scale)}; rounding raises the sensitivity by ${percentText(plan.roundingInflation - 1)}`,
      },
      { label: 'Modulus', text: `2^${plan.laneBits}; bounded updates cannot overflow it` },
      {
        label: 'Wrap probability',
        text: `at most ${numberText(plan.wrapProbability)} a round and ${numberText(noise.wrapProbabilityOfJob)} over the job that noise wraps any coordinate; this costs accuracy, never privacy`,
      },
      {
        label: 'Randomness',
        text: seeded
          ? 'derived from a seed: it can be recomputed, and protects nobody'
          : 'from the operating system’s cryptographic generator, on each client',
      },
    ],
  };
}

/** Item 10 where the noise is shared. */
export function sharedAccountant(): StatementItem {
  return {
    number: 10,
    heading: 'Accountant',
    entries: [
      {
        label: 'Method',
        text: 'Rényi differential privacy on a fixed grid of orders, recomputed from the ledger: sums of discrete Gaussians (Kairouz, Liu and Steinke 2021); Poisson sampling by its moments (Zhu and Wang 2019), of which symmetric noise needs one direction alone (Mironov, Talwar and Zhang 2019, Theorem 5); the conversion to (ε, δ) of Canonne, Kamath and Steinke (2020)',
      },
      { label: 'Error', text: 'an upper bound: the true ε is smaller. Arithmetic in double precision' },
      {
        label: 'Assumptions that do not hold exactly',
        text: 'gradients are 32-bit floats: an allowance for clipping and for adding up is in the noise; that one gradient by itself is computed more exactly than that is not proved for layers that use one weight in many places',
      },
    ],
  };
}
