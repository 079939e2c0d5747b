import type { StatementFacts } from './facts.js';
import type { StatementFigures } from './figures.js';
import { releasedWords } from './released.js';
import { counted, numberText, percentText, type StatementItem } from './wording.js';

/** Items 1 to 6: what was done, to whom, in front of whom. */
export function whatItems(facts: StatementFacts, figures: StatementFigures): StatementItem[] {
  return [
    subject(facts, figures),
    released(facts, figures),
    accesses(facts),
    unit(facts, figures),
    relation(facts),
    deployment(facts, figures),
  ];
}

function subject(facts: StatementFacts, { from, until }: StatementFigures): StatementItem {
  const { job, model } = facts;
  return {
    number: 1,
    heading: 'What this is about',
    entries: [
      { label: releasedWords(facts).label, text: `${model.description}; SHA-256 ${model.hash}` },
      { label: 'Job', text: `${job.name}; SHA-256 ${job.hash}` },
      { label: 'Dates', text: `${from} to ${until}` },
      { label: 'Controller', text: job.controller },
      { label: 'Use', text: job.purpose },
      { label: 'Region', text: job.region ?? 'not stated' },
    ],
  };
}

function released(facts: StatementFacts, { releasedModel }: StatementFigures): StatementItem {
  const { alsoReleased = [], unprotected = [] } = facts;
  const { underGuarantee, many } = releasedWords(facts);
  return {
    number: 2,
    heading: 'What is released',
    entries: [
      {
        label: 'Under this guarantee',
        text: [underGuarantee, ...alsoReleased].join('; '),
      },
      {
        label: 'Without noise',
        text: [
          releasedModel.amplified
            ? `how many clients took part in each round, and when: for the operator, not for readers of the ${many} (see item 8)`
            : 'how many clients took part in each round, and when',
          ...unprotected,
        ].join('; '),
      },
    ],
  };
}

function accesses({ otherDataAccesses = [] }: StatementFacts): StatementItem {
  return {
    number: 3,
    heading: 'Which uses of the data are covered',
    entries: [
      {
        label: 'Covered',
        text: 'every round of the job in the ledger, aborted rounds included wherever a sum could have been seen',
      },
      ...otherDataAccesses.map(({ what, accounted }) => ({
        label: accounted ? 'Covered' : 'Not covered',
        text: what,
      })),
      {
        label: 'Not covered',
        text: 'tuning runs, preprocessing and other jobs on the same data, except as listed in this statement',
      },
    ],
  };
}

/** What the operator's own clients are, and what they cost. */
export function canariesText(canaries: number): string {
  return `${counted(canaries, 'client')} of the operator’s own took part to audit this job, as the ledger says from before its first round. They hold nobody’s data. As coins have it, each sent its whole clip norm in a random direction or zeros, and its share of the noise: the model is the worse for it. They are among the clients that may collude with the coordinator, and leave room for so many fewer others`;
}

function unit(facts: StatementFacts, { coordinator }: StatementFigures): StatementItem {
  const { plan } = facts;
  const { contribution, bounded } = releasedWords(facts);
  return {
    number: 4,
    heading: 'Whom one ε protects',
    entries: [
      {
        label: 'Unit of privacy',
        text: 'one client: everything that it contributes to all rounds, however many examples it holds',
      },
      {
        label: 'Contribution bound',
        text: `one ${contribution} a round, ${bounded} ${numberText(plan.clipNorm)}; the rounded vector is checked by the client against ${numberText(plan.l2Bound / plan.scale)}, and nothing is sent beyond it`,
      },
      { label: 'Rounds', text: `at most ${coordinator.mostParticipations} were charged to any one client` },
    ],
  };
}

function relation(facts: StatementFacts): StatementItem {
  return {
    number: 5,
    heading: 'What is compared with what',
    entries: [
      {
        label: 'Neighbouring relation',
        text: `zero-out: the same federation, in which one client still takes part and adds its share of the noise, but contributes zeros in place of its ${releasedWords(facts).contributions}`,
      },
    ],
  };
}

function deployment(facts: StatementFacts, { population, canaries }: StatementFigures): StatementItem {
  const { plan, minimumCohort, enrolment } = facts;
  const { contribution, contributions, clientsSee, readers, many } = releasedWords(facts);
  const survivors = percentText(plan.honestFraction);
  return {
    number: 6,
    heading: 'Who is trusted with what',
    entries: [
      {
        label: 'Model of trust',
        text: `federated: every client adds its own share of the noise before anything leaves it; ${contributions} are summed under secure aggregation`,
      },
      { label: 'Clients', text: `${population} enrolled; each sees its own data and ${clientsSee}` },
      ...(canaries === 0 ? [] : [{ label: 'Canaries', text: canariesText(canaries) }]),
      {
        label: 'Coordinator',
        text: `sees who takes part, masked vectors, and one noisy sum a round; never a single ${contribution}, if the cryptography and its assumptions hold`,
      },
      { label: readers, text: `see the ${many} only` },
      {
        label: 'Collusion and dropout',
        text: `the noise is sized so that ${survivors} of the clients that shared keys suffice: a round ends without a sum when fewer honest clients than that, or fewer than ${minimumCohort} clients at all, are left in it`,
      },
      {
        label: 'Enrolment',
        text:
          enrolment === 'independent'
            ? 'by an authority apart from the coordinator'
            : 'by the coordinator itself: it could enrol clients of its own making, so that the figures against the coordinator count on its not doing so',
      },
    ],
  };
}
