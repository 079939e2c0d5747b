import { accountItems, guessText } from './account.js';
import type { StatementFacts } from './facts.js';
import { exampleItems, exampleSummary } from './example-unit.js';
import { figuresOf, type StatementFigures } from './figures.js';
import { howItems } from './how.js';
import { releasedWords } from './released.js';
import { canariesText, whatItems } from './what.js';
import { counted, epsilonText, numberText, type StatementItem } from './wording.js';

/**
 * What a job guarantees, in full, as data and as prose: the items that Ponomareva et al. 2023 (How to DP-fy ML, section 5.3) and NIST
 * SP 800-226 (2025) ask a claim of differential privacy to state.
 */
export interface PrivacyStatement {
  readonly format: 'tutti-privacy-statement-v1';
  readonly subject: StatementFacts['job'] & {
    /** Where it is no model. */
    readonly released?: 'statistics';
    readonly model: string;
    readonly software: string;
    readonly minimumCohort: number;
  };
  /** `none`: the run was seeded, its noise can be recomputed, and the figures are those of a run whose noise cannot. */
  readonly claim: 'differential-privacy' | 'none';
  /** In plain words, the most important first. */
  readonly summary: readonly string[];
  readonly figures: StatementFigures;
  /** Where several models were trained, each by clients of its own: the figures of each. */
  readonly shards?: readonly StatementFigures[];
  /** Seventeen, in order. */
  readonly items: readonly StatementItem[];
}

/**
 * Makes the statement of one job. Every figure is recomputed from the ledger.
 * @throws {Refusal} `statement.no-job` where the ledger does not know the job; `ledger.inconsistent` where it contradicts itself
 */
export function privacyStatement(facts: StatementFacts): PrivacyStatement {
  return statementOf(facts, figuresOf(facts));
}

/** The statement that says these figures. */
export function statementOf(facts: StatementFacts, figures: StatementFigures): PrivacyStatement {
  const ofClient = [
    ...whatItems(facts, figures),
    ...howItems(facts, figures),
    ...accountItems(facts, figures),
  ];
  const ofExample = figures.unit === 'example' ? exampleItems(facts, figures) : [];
  const replaced = new Set(ofExample.map(({ number }) => number));
  const items = [...ofClient.filter(({ number }) => !replaced.has(number)), ...ofExample];
  return {
    format: 'tutti-privacy-statement-v1',
    subject: {
      ...facts.job,
      ...(facts.released === 'statistics' && { released: facts.released }),
      model: facts.model.description,
      software: `${facts.software.name} ${facts.software.version}`,
      minimumCohort: facts.minimumCohort,
    },
    claim: figures.seeded ? 'none' : 'differential-privacy',
    summary: summaryOf(facts, figures),
    figures,
    items: items.sort((a, b) => a.number - b.number),
  };
}

function summaryOf(facts: StatementFacts, figures: StatementFigures): string[] {
  const { job, enrolment } = facts;
  const { done, contributions, many, learns } = releasedWords(facts);
  const { seeded, delta, population, canaries, releasedModel, coordinator, rounds, sampling } = figures;
  const made = `“${job.name}” ${done} ${counted(population, 'client')} in ${counted(rounds.completed, 'round')}. No data left a client; only sums of many clients’ ${contributions}, with noise, were opened.`;
  const warning =
    'This run was seeded, so that it can be repeated: whoever knows the seed can recompute the noise and take it off again. It claims no privacy for real data. The figures are those of a run of the same job whose noise nobody can recompute.';
  if (figures.unit === 'example') {
    return [...(seeded ? [warning] : []), ...exampleSummary(facts, figures)];
  }
  const used = `a given client’s ${contributions} were used`;
  const readers = `Whoever sees only the ${many}: ε = ${epsilonText(releasedModel.epsilon)} at δ = ${numberText(delta)}. In words: ${guessText(releasedModel.epsilon, delta, used)}.`;
  const amplification = releasedModel.amplified
    ? [
        'This counts on the cohorts having been drawn at random and kept secret, the number of clients in each round included.',
      ]
    : [];
  const inside = `The coordinator, which knows who took part: ε = ${epsilonText(coordinator.epsilonWorst)} for the client that took part most often, ${epsilonText(coordinator.epsilonMedian)} for the median client. For the former: ${guessText(coordinator.epsilonWorst, delta, used)}.`;
  const trusted =
    enrolment === 'coordinator'
      ? [
          'The coordinator also decides who is enrolled: against a coordinator that enrols clients of its own making, nothing is claimed.',
        ]
      : [];
  const audited = canaries === 0 ? [] : [`${canariesText(canaries)}.`];
  const open = `Not hidden: who is enrolled and who took part (${sampling.sharers.least} to ${sampling.sharers.most} a round), what ${learns} about people in general, and groups that act as one.`;
  return [
    ...(seeded ? [warning] : []),
    made,
    readers,
    ...amplification,
    inside,
    ...trusted,
    ...audited,
    open,
  ];
}
