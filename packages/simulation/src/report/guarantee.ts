import { epsilonFigure } from '@tutti/shared/privacy';
import { isStatistics, type SimulatedJob, type RunFacts } from '@tutti/shared/protocol';
import { percent, smallProbability } from './figures.js';

/** What a run promises to the people in its data, in words. */
export interface Guarantee {
  readonly heading: string;
  /** Said before all else; only where nothing is promised. */
  readonly warning?: string;
  readonly parts: readonly { readonly title: string; readonly text: string }[];
}

export function guaranteeOf(summary: RunFacts, job: SimulatedJob): Guarantee {
  const parts = job.privacy.unit === 'example' ? forExamples(summary, job) : forClients(summary, job);
  if (!summary.seeded) return { heading: 'What is guaranteed', parts };
  const warning =
    'This run was seeded, so that it can be repeated: whoever knows the seed can recompute the noise and take it off again. ' +
    'It protects nobody. The figures below are those of a run of the same job, with the same cohorts, whose noise nobody can recompute.';
  return { heading: 'No privacy is claimed', warning, parts };
}

function forClients(summary: RunFacts, job: SimulatedJob): Guarantee['parts'] {
  const what = isStatistics(job) ? 'statistics' : 'models';
  return [
    { title: `Against whoever sees the ${what}`, text: released(summary, what) },
    { title: 'Against the coordinator', text: coordinator(summary, job) },
    {
      title: 'What is not hidden',
      text: limits(summary, isStatistics(job) ? 'the statistics say' : 'the model learns'),
    },
  ];
}

function forExamples({ epsilon, delta }: RunFacts, job: SimulatedJob): Guarantee['parts'] {
  const shared = 'noise' in job.privacy && job.privacy.noise === 'shared';
  const bound = epsilon.coordinator;
  const promise = isBound(bound)
    ? `Every example has (ε, δ)-differential privacy with ε = ${epsilonFigure(bound)} and δ = ${smallProbability(delta)}: had it not been there, ` +
      `nothing that ever left its client would have become more than ${factor(bound)} as likely or as unlikely, save for events of probability δ.`
    : 'No bound on ε can be given.';
  return [
    {
      title: shared
        ? 'For each example, against readers of the models and the coordinator'
        : 'For each example, against everybody outside its client',
      text: promise,
    },
    {
      title: 'Whom that counts on',
      text: shared
        ? `On the honest clients of a cohort together, each of which adds its share of the noise: at most ${percent(job.cohort.corruptFraction)} of a cohort may work together with the coordinator.`
        : 'On the client alone, which adds all the noise that its own examples need before anything leaves it. Readers of the models, other clients and the coordinator may all work together.',
    },
    {
      title: 'What is not hidden',
      text: 'What the examples of one client have in common: nothing is promised to a client as a whole, nor to a person with many examples. That a client takes part; and what the model learns about everybody.',
    },
  ];
}

function released({ epsilon, delta, rounds }: RunFacts, what: string): string {
  const bound = epsilon.releasedModel;
  if (!isBound(bound)) return 'No bound on ε can be given.';
  return (
    `Every client has (ε, δ)-differential privacy with ε = ${epsilonFigure(bound)} and δ = ${smallProbability(delta)}. ` +
    `Had any one client’s contribution been replaced by zero in every round, nothing seen in the ${what} of all ${rounds} rounds ` +
    `would have become more than ${factor(bound)} as likely or as unlikely, save for events of probability δ.`
  );
}

function coordinator({ epsilon }: RunFacts, job: Pick<SimulatedJob, 'cohort'>): string {
  const who =
    'It sees the noisy sum of every round, knows who took part, and may collude with ' +
    `${percent(job.cohort.corruptFraction)} of a cohort.`;
  const bound = epsilon.coordinator;
  if (!isBound(bound)) return `${who} No bound on ε can be given.`;
  const weak =
    bound > 10
      ? ' An ε of this size promises little by itself: what protects here is above all that it never sees what a single client sends.'
      : '';
  return `${who} At the same δ, ε = ${epsilonFigure(bound)} for the client that took part most often.${weak}`;
}

function limits({ clients }: RunFacts, finds: string): string {
  return (
    `That a client is one of the ${clients}; and what ${finds} about everybody, whether or not a given client takes ` +
    'part. A group of k clients that act as one has kε and a larger δ.'
  );
}

function isBound(epsilon: number | null): epsilon is number {
  return epsilon !== null && Number.isFinite(epsilon);
}

function factor(epsilon: number): string {
  const times = Math.exp(epsilon);
  if (times >= 1e6) return `e^${epsilonFigure(epsilon)} times`;
  return `${times < 10 ? times.toFixed(1) : Math.round(times).toLocaleString('en-US')} times`;
}
