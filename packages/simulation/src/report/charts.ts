import type { SimulatedJob, RoundRecord } from '@tutti/shared/protocol';

/** One curve, or one layer of a stack, over the rounds. */
export interface Series {
  readonly label: string;
  /** Which of the page's colours it bears. */
  readonly colour: 'blue' | 'orange' | 'green' | 'violet' | 'red' | 'quiet';
  /** A value a round; null where there is none. */
  readonly values: readonly (number | null)[];
  /** A bound rather than a measurement: drawn dashed. */
  readonly bound?: boolean;
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly shape: 'curves' | 'stack';
  readonly unit: 'percent' | 'number' | 'count' | 'seconds';
  readonly series: readonly Series[];
}

/** What is drawn, over one axis: attempts at rounds in their order, each with the number of its round. */
export interface Charts {
  readonly rounds: readonly number[];
  readonly charts: readonly Chart[];
}

/** The charts of a run. */
export function chartsOf(
  records: readonly RoundRecord[],
  job: Pick<SimulatedJob, 'kind' | 'privacy'>,
): Charts {
  const each = (value: (record: RoundRecord) => number | null) => records.map(value);
  const trained = (value: (record: RoundRecord) => number | undefined) =>
    each((record) => (record.outcome === 'completed' ? finite(value(record) ?? null) : null));
  const released = job.kind === 'statistics' ? 'statistics' : 'models';
  return {
    rounds: each(({ round }) => round) as number[],
    charts: [
      ...(job.kind === 'statistics' ? [] : learning(trained)),
      {
        id: 'epsilon-released-model',
        title: `ε against whoever sees the released ${released}`,
        caption: 'Privacy spent so far. The run stops before the budget is exceeded.',
        shape: 'curves',
        unit: 'number',
        series: [
          { label: 'spent', colour: 'orange', values: each(({ epsilon }) => finite(epsilon.releasedModel)) },
          { label: 'budget', colour: 'quiet', values: each(() => job.privacy.epsilon), bound: true },
        ],
      },
      {
        id: 'epsilon-coordinator',
        title: 'ε against the coordinator',
        caption:
          'For the client that took part most often. The coordinator knows who is in a round, so sampling does not help.',
        shape: 'curves',
        unit: 'number',
        series: [
          { label: 'spent', colour: 'red', values: each(({ epsilon }) => finite(epsilon.coordinator)) },
        ],
      },
      {
        id: 'cohort',
        title: 'Cohort',
        caption:
          'Clients drawn for a round: those in the sum, and those lost, by the stage before which they were lost. ' +
          `These counts carry no noise: they are for the operator, not for readers of the ${released}.`,
        shape: 'stack',
        unit: 'count',
        series: [
          {
            label: 'in the sum',
            colour: 'blue',
            values: each(({ survivors, lost }) => Math.max(0, survivors - lost.unmask)),
          },
          {
            label: 'in the sum, lost before unmasking',
            colour: 'green',
            values: each(({ lost }) => lost.unmask),
          },
          { label: 'lost before the input', colour: 'orange', values: each(({ lost }) => lost.input) },
          { label: 'before sharing keys', colour: 'red', values: each(({ lost }) => lost.share) },
          { label: 'before advertising', colour: 'quiet', values: each(({ lost }) => lost.advertise) },
        ],
      },
      {
        id: 'time',
        title: 'Time',
        caption: 'Wall-clock seconds of a round by phase, all virtual clients on this one machine.',
        shape: 'stack',
        unit: 'seconds',
        series: [
          {
            label: job.kind === 'statistics' ? 'count' : 'train',
            colour: 'blue',
            values: each(({ milliseconds }) => milliseconds.train / 1000),
          },
          {
            label: 'share keys',
            colour: 'green',
            values: each(({ milliseconds }) => milliseconds.share / 1000),
          },
          {
            label: 'masked input',
            colour: 'violet',
            values: each(({ milliseconds }) => milliseconds.input / 1000),
          },
          {
            label: 'unmask',
            colour: 'orange',
            values: each(({ milliseconds }) => milliseconds.unmask / 1000),
          },
          {
            label: 'evaluate',
            colour: 'quiet',
            values: each(({ milliseconds }) => milliseconds.evaluate / 1000),
          },
        ],
      },
    ],
  };
}

function learning(
  trained: (value: (record: RoundRecord) => number | undefined) => (number | null)[],
): readonly Chart[] {
  return [
    {
      id: 'accuracy',
      title: 'Accuracy',
      caption: 'Share of the public held-out rows that the model classifies rightly.',
      shape: 'curves',
      unit: 'percent',
      series: [{ label: 'accuracy', colour: 'blue', values: trained(({ accuracy }) => accuracy) }],
    },
    {
      id: 'loss',
      title: 'Loss',
      caption: 'Mean cross-entropy on the same rows.',
      shape: 'curves',
      unit: 'number',
      series: [{ label: 'loss', colour: 'violet', values: trained(({ loss }) => loss) }],
    },
  ];
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
