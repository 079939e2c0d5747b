import type { PrivacyEvent } from '../accounting/index.js';
import { groupGuarantee } from '../accounting/index.js';
import { guessText } from './account.js';
import type { StatementFacts } from './facts.js';
import type { StatementFigures } from './figures.js';
import {
  against,
  countsOn,
  sharedAccountant,
  sharedDeployment,
  sharedMechanism,
  sharesNoise,
} from './example-shared.js';
import { counted, epsilonText, numberText, type StatementItem } from './wording.js';

/** DP-SGD, as a ledger tells of it. */
export interface ExampleSteps {
  readonly steps: number;
  readonly batchRate: number;
  /** As it is accounted for, rounding included. */
  readonly noiseMultiplier: number;
  /** Who adds the noise: each client what its own examples need, or the clients of a cohort together. */
  readonly noise: 'per-client' | 'shared';
}

/** Reads the steps of one round out of its release; undefined where it is no such release. */
export function exampleStepsOf(release: PrivacyEvent): ExampleSteps | undefined {
  const [steps, step] = release.kind === 'repeated' ? [release.count, release.event] : [1, release];
  if (step.kind !== 'poisson-sampled') return undefined;
  const { rate: batchRate, event } = step;
  if (event.kind === 'gaussian' && event.unit === 'example')
    return { steps, batchRate, noiseMultiplier: event.noiseMultiplier, noise: 'per-client' };
  if (event.kind === 'distributed-discrete-gaussian' && event.unit === 'example') {
    const noiseMultiplier = Math.sqrt(event.localVariance * event.honestShares) / event.l2Sensitivity;
    return { steps, batchRate, noiseMultiplier, noise: 'shared' };
  }
  return undefined;
}

/** The items in which a statement about each example differs from one about each client. */
export function exampleItems(facts: StatementFacts, figures: StatementFigures): StatementItem[] {
  return [
    unit(facts, figures),
    relation(),
    ...(sharesNoise(facts)
      ? [sharedDeployment(facts, figures), sharedMechanism(facts, figures)]
      : [deployment(facts, figures), mechanism(facts, figures)]),
    sampling(facts, figures),
    composition(facts, figures),
    accountant(facts),
    guarantee(facts, figures),
    spending(figures),
    postProcessing(facts),
    limits(figures),
  ];
}

function unit({ example }: StatementFacts, { coordinator, exampleSteps }: StatementFigures): StatementItem {
  const bound =
    example === undefined ? 'a norm that the job states' : `an L2 norm of ${numberText(example.clipNorm)}`;
  return {
    number: 4,
    heading: 'Whom one ε protects',
    entries: [
      {
        label: 'Unit of privacy',
        text: 'one example: one row of one client. Not the client, and not a person who stands behind several rows',
      },
      {
        label: 'Contribution bound',
        text: `one gradient a step in which the example is drawn, clipped to ${bound} by the client that holds it`,
      },
      {
        label: 'Rounds',
        text: `at most ${coordinator.mostParticipations} were charged to any one client${exampleSteps === null ? '' : `, with ${counted(exampleSteps.steps, 'step')} in each`}`,
      },
    ],
  };
}

function relation(): StatementItem {
  return {
    number: 5,
    heading: 'What is compared with what',
    entries: [
      {
        label: 'Neighbouring relation',
        text: 'adding or removing: the same federation, in which one client holds one example more or one less',
      },
    ],
  };
}

function deployment(
  { minimumCohort, enrolment }: StatementFacts,
  { population }: StatementFigures,
): StatementItem {
  return {
    number: 6,
    heading: 'Who is trusted with what',
    entries: [
      {
        label: 'Model of trust',
        text: 'each client by itself: it adds all the noise that its own examples need before anything leaves it, and counts on nobody else’s. The guarantee holds against everybody outside the client: readers of the models, the coordinator, all other clients, and all of these together',
      },
      { label: 'Clients', text: `${population} enrolled; each sees its own data and the models` },
      {
        label: 'Coordinator',
        text: `sees who takes part, masked vectors, and one sum a round of at least ${minimumCohort} clients. That it sees sums only is a further protection, which the figures do not count on`,
      },
      { label: 'Readers of the model', text: 'see the models only; the same figures hold against them' },
      {
        label: 'The client',
        text: 'holds its examples in the clear, and is trusted to draw batches and noise as the job says',
      },
      {
        label: 'Enrolment',
        text:
          enrolment === 'independent'
            ? 'by an authority apart from the coordinator'
            : 'by the coordinator itself. Clients of its own making lessen no figure of this statement, for no client’s noise is counted on but one’s own',
      },
    ],
  };
}

function mechanism(
  { plan, example }: StatementFacts,
  { exampleSteps, noise, seeded }: StatementFigures,
): StatementItem {
  return {
    number: 7,
    heading: 'Mechanism',
    entries: [
      {
        label: 'Training',
        text:
          exampleSteps === null
            ? 'DP-SGD at each client; nothing has been charged yet'
            : `DP-SGD at each client: ${counted(exampleSteps.steps, 'step')} a round, a batch drawn anew for each, empty ones included`,
      },
      {
        label: 'Noise',
        text: `Gaussian on a grid, ${counted(plan.dimension, 'coordinate')}, on the sum of every step: ${numberText(noise.effectiveMultiplier)} times the clip norm. None is added when updates are encoded and summed`,
      },
      {
        label: 'Clipping',
        text: `the gradient of each example${example === undefined ? '' : `, to L2 norm ${numberText(example.clipNorm)}`}. The finished update is cut to ${numberText(plan.clipNorm)}, which keeps the sum from overflowing and protects nobody`,
      },
      {
        label: 'Quantisation',
        text: `of the finished update, which is private by then: randomised Hadamard rotation in blocks of ${plan.blockLength}, then rounding to a grid of step ${numberText(1 / plan.scale)}`,
      },
      { label: 'Modulus', text: `2^${plan.laneBits}; bounded updates cannot overflow it` },
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
  { exampleSteps, sampling: { sharers, survivors } }: StatementFigures,
): StatementItem {
  return {
    number: 8,
    heading: 'Sampling',
    entries: [
      {
        label: 'Of examples',
        text:
          exampleSteps === null
            ? 'nothing has been drawn'
            : `each example entered each step of its client independently with probability ${numberText(exampleSteps.batchRate)}`,
      },
      {
        label: 'Cohorts',
        text: `${sharers.least} to ${sharers.most} clients shared keys (${numberText(sharers.mean)} on average); ${survivors.least} to ${survivors.most} were in the sum (${numberText(survivors.mean)} on average)`,
      },
      {
        label: 'Amplification',
        text: `by the draw of batches, which never leaves the client: against ${sharesNoise(facts) ? 'readers and the coordinator alike' : 'everybody'}. By the draw of cohorts: not claimed`,
      },
    ],
  };
}

function composition(
  { earlierJobs = [] }: StatementFacts,
  { rounds, coordinator, erasures }: StatementFigures,
): StatementItem {
  const undecided = rounds.undecided === 0 ? '' : '; one more is undecided, and charged';
  return {
    number: 9,
    heading: 'Composition',
    entries: [
      {
        label: 'Rounds',
        text: `${counted(rounds.completed, 'round')} completed; ${rounds.abortedCharged} aborted after they were charged, and they stay charged; ${rounds.abortedUncharged} aborted before any sum could be seen, at no cost${undecided}`,
      },
      {
        label: 'Within a client',
        text: `all steps of the rounds that it was charged for, ${coordinator.mostParticipations} rounds at the most`,
      },
      {
        label: 'Over clients',
        text: 'no sum: an example is at one client, and each client has its own ε. The same row at two clients is two examples, whose ε add up',
      },
      {
        label: 'Against the budget',
        text: 'every charged round counts, as if one client had been in all of them',
      },
      ...(erasures === 0
        ? []
        : [
            {
              label: 'Erasures',
              text: `${counted(erasures, 'remedy', 'remedies')}; nothing is refunded, and rounds that were replayed are charged each time`,
            },
          ]),
      {
        label: 'Earlier jobs',
        text:
          earlierJobs.length === 0
            ? 'none stated'
            : earlierJobs
                .map(
                  ({ job, epsilon, delta }) =>
                    `${job}: ε = ${epsilonText(epsilon)} at δ = ${numberText(delta)}`,
                )
                .join('; '),
      },
    ],
  };
}

function accountant(facts: StatementFacts): StatementItem {
  if (sharesNoise(facts)) return sharedAccountant();
  return {
    number: 10,
    heading: 'Accountant',
    entries: [
      {
        label: 'Method',
        text: 'Rényi differential privacy on a fixed grid of orders, recomputed from the ledger: the Poisson-sampled Gaussian of Mironov, Talwar and Zhang (2019); the conversion to (ε, δ) of Canonne, Kamath and Steinke (2020)',
      },
      { label: 'Error', text: 'an upper bound: the true ε is smaller. Arithmetic in double precision' },
      {
        label: 'Assumptions that do not hold exactly',
        text: 'gradients are 32-bit floats: an allowance for clipping and for the grid is in the noise that is drawn; rounding errors of adding a batch up, and the distance of the tables from the law of the noise, are not booked',
      },
    ],
  };
}

function guarantee(
  facts: StatementFacts,
  { delta, releasedModel, coordinator }: StatementFigures,
): StatementItem {
  return {
    number: 11,
    heading: 'The guarantee',
    entries: [
      {
        label: `For each example, against ${against(facts)}`,
        text: `ε = ${epsilonText(coordinator.epsilonWorst)} at δ = ${numberText(delta)}, at the client that took part most often`,
      },
      {
        label: 'For a client that had been in every charged round',
        text: `ε = ${epsilonText(releasedModel.epsilon)} at δ = ${numberText(delta)}`,
      },
      {
        label: 'δ and the examples',
        text: `how many examples there are nobody but their clients knows. Each client compares δ with its own number, and takes no part where it has more than ${numberText(1 / delta)}`,
      },
      {
        label: 'ε(δ)',
        text:
          coordinator.curve.length === 0
            ? 'nothing charged'
            : coordinator.curve
                .map((point) => `ε = ${epsilonText(point.epsilon)} at δ = ${numberText(point.delta)}`)
                .join('; '),
      },
    ],
  };
}

function spending({ releasedModel, coordinator }: StatementFigures): StatementItem {
  return {
    number: 12,
    heading: 'Spent and left',
    entries: [
      {
        label: 'The job',
        text: `spent ${epsilonText(releasedModel.epsilon)} of ${numberText(releasedModel.budget)}; it stops before it would exceed it`,
      },
      {
        label: 'Clients',
        text: `examples of the client that took part most often ${epsilonText(coordinator.epsilonWorst)}, of the median client ${epsilonText(coordinator.epsilonMedian)}; each client recomputes them for itself and keeps its own limit`,
      },
    ],
  };
}

function postProcessing(facts: StatementFacts): StatementItem {
  const { plan } = facts;
  return {
    number: 13,
    heading: 'After the noise',
    entries: [
      {
        label: 'Post-processing',
        text: `${sharesNoise(facts) ? 'the sum over clients' : 'the client’s optimiser, cutting, rotating and rounding its update; the sum over clients'}, divided by ${numberText(plan.scale)}, rotated back, divided by the expected (not the actual) size of a cohort, and applied by the server’s optimiser; evaluation uses rows that belong to no client. None of this costs privacy`,
      },
    ],
  };
}

function limits({ delta, coordinator }: StatementFigures): StatementItem {
  const { epsilonWorst: epsilon } = coordinator;
  const pair = epsilon === null ? undefined : groupGuarantee({ epsilon, delta }, 2);
  return {
    number: 17,
    heading: 'What is not protected',
    entries: [
      {
        label: 'The client as a whole',
        text: 'no ε is stated for all of a client’s examples together: what they have in common may show in the models. That single updates are never seen, only sums, is what stands against it',
      },
      {
        label: 'People with several examples',
        text: `k examples of one person have k times ε and a larger δ${pair === undefined ? '' : ` (two: ε = ${epsilonText(pair.epsilon)} at δ = ${numberText(pair.delta)})`}`,
      },
      {
        label: 'Taking part',
        text: 'that a client is enrolled, when it was online and in which rounds it took part: the coordinator knows it',
      },
      {
        label: 'General knowledge',
        text: 'what the model learns about everybody, whether or not a given example is there',
      },
      {
        label: 'The client itself',
        text: 'data on a machine that is read or taken over, and whatever its owner gives away',
      },
      {
        label: 'Correctness',
        text: 'a dishonest client can spoil the sum; it cannot read others’ updates by it',
      },
    ],
  };
}

/** What is said first, in plain words. */
export function exampleSummary(
  facts: StatementFacts,
  { delta, population, coordinator, rounds }: StatementFigures,
): string[] {
  return [
    `“${facts.job.name}” trained a model on the data of ${counted(population, 'client')} in ${counted(rounds.completed, 'round')}. No data left a client: ${sharesNoise(facts) ? 'each added up bounded gradients of its own examples and a share of the noise' : 'each trained with noise on its own examples'}, and only sums of many clients’ updates were opened.`,
    ...(sharesNoise(facts) ? [countsOn(facts)] : []),
    `Each example, against ${against(facts)} (readers of the models, other clients, the coordinator): ε = ${epsilonText(coordinator.epsilonWorst)} at δ = ${numberText(delta)}. In words: ${guessText(coordinator.epsilonWorst, delta, 'a given example was used')}.`,
    'This is a promise to each example by itself. Nothing of the kind is promised to a client as a whole, nor to a person with many examples.',
  ];
}
