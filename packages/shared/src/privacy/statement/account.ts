import { bestGuess, groupGuarantee } from '../accounting/index.js';
import type { StatementFacts } from './facts.js';
import type { CurvePoint, StatementFigures } from './figures.js';
import { releasedWords } from './released.js';
import { counted, epsilonText, numberText, percentText, type StatementItem } from './wording.js';

/** Items 9 to 12 and 15 to 17: what it comes to, how sure that is, and what it leaves out. */
export function accountItems(facts: StatementFacts, figures: StatementFigures): StatementItem[] {
  return [
    composition(facts, figures),
    accountant(figures),
    guarantee(facts, figures),
    spending(facts, figures),
    audit(facts),
    responsibility(facts, figures),
    limits(facts, figures),
  ];
}

const againstReaders = (facts: StatementFacts) => `Against readers of the ${releasedWords(facts).many}`;

function composition(
  facts: StatementFacts,
  { rounds, coordinator, erasures }: StatementFigures,
): StatementItem {
  const { earlierJobs = [] } = facts;
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
        label: againstReaders(facts),
        text: 'every charged round counts, for every client',
      },
      {
        label: 'Against the coordinator',
        text: `a client pays for the rounds that it was charged for, ${coordinator.mostParticipations} at the most`,
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

function accountant({ releasedModel }: StatementFigures): StatementItem {
  const amplified = releasedModel.amplified;
  return {
    number: 10,
    heading: 'Accountant',
    entries: [
      {
        label: 'Method',
        text: `Rényi differential privacy on a fixed grid of orders, recomputed from the ledger${amplified ? '; Poisson sampling by its moments (Zhu and Wang 2019), of which symmetric noise needs one direction alone (Mironov, Talwar and Zhang 2019, Theorem 5)' : ''}; the conversion to (ε, δ) of Canonne, Kamath and Steinke (2020)`,
      },
      { label: 'Error', text: 'an upper bound: the true ε is smaller. Arithmetic in double precision' },
      {
        label: 'Assumptions that do not hold exactly',
        text: amplified
          ? 'a draw that is smaller than the least cohort or larger than the largest is not opened, so that the cohorts of opened rounds are not independent draws in the strict sense; and rounds that were aborted before a charge may depend on who was drawn'
          : 'none known',
      },
    ],
  };
}

const curveText = (curve: readonly CurvePoint[]) =>
  curve.map(({ delta, epsilon }) => `ε = ${epsilonText(epsilon)} at δ = ${numberText(delta)}`).join('; ');

function guarantee(
  facts: StatementFacts,
  { population, delta, releasedModel, coordinator }: StatementFigures,
): StatementItem {
  const share = delta * population;
  return {
    number: 11,
    heading: 'The guarantee',
    entries: [
      {
        label: againstReaders(facts),
        text: `ε = ${epsilonText(releasedModel.epsilon)} at δ = ${numberText(delta)}`,
      },
      {
        label: 'Against the coordinator',
        text: `ε = ${epsilonText(coordinator.epsilonWorst)} at δ = ${numberText(delta)} for the client that took part most often${coordinator.rho === null ? '' : `; ρ = ${numberText(coordinator.rho)} of zero-concentrated differential privacy`}`,
      },
      {
        label: 'δ and the population',
        text: `δ is ${numberText(share)} over the population of ${population}${share > 1 ? ', which is more than one client: too much' : share > 0.1 ? ', more than the tenth that is good practice' : ''}`,
      },
      { label: `ε(δ), readers of the ${releasedWords(facts).many}`, text: curveText(releasedModel.curve) },
      {
        label: 'ε(δ), coordinator',
        text: coordinator.curve.length === 0 ? 'nothing charged' : curveText(coordinator.curve),
      },
    ],
  };
}

function spending(facts: StatementFacts, { releasedModel, coordinator }: StatementFigures): StatementItem {
  return {
    number: 12,
    heading: 'Spent and left',
    entries: [
      {
        label: `Readers of the ${releasedWords(facts).many}`,
        text: `spent ${epsilonText(releasedModel.epsilon)} of ${numberText(releasedModel.budget)}; the job stops before it would exceed it`,
      },
      {
        label: 'Coordinator',
        text: `worst client ${epsilonText(coordinator.epsilonWorst)}, median client ${epsilonText(coordinator.epsilonMedian)}${coordinator.clientCap === null ? '; no cap of the job’s own, each client keeps its own' : `; cap ${numberText(coordinator.clientCap)}`}`,
      },
    ],
  };
}

function audit({ audit: shown }: StatementFacts): StatementItem {
  return {
    number: 15,
    heading: 'What attacks have shown',
    entries: [
      {
        label: 'Empirical lower bound',
        text:
          shown === undefined
            ? 'no audit was made'
            : `ε is at least ${numberText(shown.epsilonLower)} with confidence ${percentText(shown.confidence)} (${shown.method}). An audit can refute a claim, never prove it`,
      },
      ...(shown?.claimed === undefined
        ? []
        : [
            {
              label: 'The claim that was audited',
              text: `ε = ${epsilonText(shown.claimed)}: ${shown.epsilonLower > shown.claimed ? refutedText(shown) : 'not refuted'}`,
            },
          ]),
    ],
  };
}

const refutedText = ({ withholds = false }: NonNullable<StatementFacts['audit']>) =>
  `refuted. Nothing in this statement is to be relied on${withholds ? ', and the model was not released' : ''}`;

function responsibility(
  { justification, reviewer, signature }: StatementFacts,
  { ledger }: StatementFigures,
): StatementItem {
  return {
    number: 16,
    heading: 'Who answers for this',
    entries: [
      { label: 'Justification', text: justification ?? 'not stated' },
      { label: 'Reviewer', text: reviewer ?? 'not reviewed' },
      { label: 'Signature', text: signature ?? 'not signed' },
      {
        label: 'Ledger',
        text: `head ${ledger.head}, ${counted(ledger.entries, 'entry', 'entries')}: every figure here can be recomputed from it`,
      },
    ],
  };
}

function limits(facts: StatementFacts, { delta, releasedModel }: StatementFigures): StatementItem {
  const { contributions, learns } = releasedWords(facts);
  const { epsilon } = releasedModel;
  const pair = epsilon === null ? undefined : groupGuarantee({ epsilon, delta }, 2);
  return {
    number: 17,
    heading: 'What is not protected',
    entries: [
      {
        label: 'Taking part',
        text: 'that a client is enrolled, when it was online and in which rounds it took part: the coordinator knows it',
      },
      {
        label: 'Groups',
        text: `clients that act as one, or share data: k of them have k times ε and a larger δ${pair === undefined ? '' : ` (two: ε = ${epsilonText(pair.epsilon)} at δ = ${numberText(pair.delta)})`}`,
      },
      {
        label: 'General knowledge',
        text: `what ${learns} about everybody, whether or not a given client takes part`,
      },
      { label: 'One example of many', text: 'nothing is claimed beyond what follows for the whole client' },
      {
        label: 'The client itself',
        text: 'data on a device that is read or taken over, and whatever its owner gives away',
      },
      {
        label: 'Correctness',
        text: `a dishonest client can spoil the sum; it cannot read others’ ${contributions} by it`,
      },
    ],
  };
}

/** What an attacker who gives even odds can come to, in words. */
export function guessText(epsilon: number | null, delta: number, what: string): string {
  if (epsilon === null) return 'no limit on an attacker’s success can be given';
  return bestGuess({ epsilon, delta }) > 0.999
    ? 'this puts no limit worth naming on what an attacker can find out; what protects here is that nothing of a single client is ever seen by itself'
    : `an attacker who is undecided whether ${what}, and sees this, is right at most ${percentText(bestGuess({ epsilon, delta }))} of the time instead of 50%`;
}
