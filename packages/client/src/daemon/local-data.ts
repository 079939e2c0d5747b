import { uniformStream } from '@tutti/shared/crypto';
import { systemRandom } from '@tutti/shared/crypto/primitives';
import {
  openSource,
  readExamples,
  readNumbers,
  type Part,
  type ReadOptions,
  type Source,
  type Table,
} from '../data/index.js';
import { Refusal, type TuttiError } from '@tutti/shared/errors';
import type { PrivacyUnit } from '@tutti/shared/privacy';
import type { RowLayout } from '@tutti/shared/protocol';
import type { KnownJob, KnownStatistics, KnownTraining } from '../library.js';
import type { ClientConfig } from './config.js';

/** What of a job says which rows it takes. */
export type RowsAskedFor = Pick<KnownTraining['job'], 'model' | 'purpose'> & {
  readonly data: RowLayout;
  /** Left out, each row has to fit. */
  readonly privacy?: { readonly unit: PrivacyUnit };
};

interface KnownRows extends Pick<KnownJob, 'hash'> {
  readonly job: RowsAskedFor;
}

/** Milliseconds for which rows that were read are kept for the next round. */
const KEPT = 60_000;

/** The rows of a configuration. What was read for one round is used for the next while its source is unchanged, and let go when none comes. */
export class LocalData {
  private kept: { readonly key: string; readonly table: Promise<Table> } | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** @param tell - told of rows that were left out */
  constructor(
    private readonly config: Pick<ClientConfig, 'data' | 'policy'>,
    private readonly tell: (fault: TuttiError) => void = () => undefined,
  ) {}

  /** The rows that a job asks for, as it describes them, but those held out. @throws {Refusal} `data.…`, `policy.columns` */
  examples(known: KnownRows): Promise<Table> {
    return this.table(known, 'training');
  }

  /** The rows that a job asks for and that are never trained on. @throws {Refusal} `data.…`, `policy.columns`, `policy.held-out` where none are */
  heldOut(known: KnownRows): Promise<Table> {
    return this.table(known, 'held-out');
  }

  /** How many rows a job would get, each of them read and checked. @throws {Refusal} `data.…`, `policy.columns` */
  async count(job: RowsAskedFor, part: Part = 'training'): Promise<number> {
    const { model, purpose, data } = job;
    return (await this.read(await openSource(this.config.data), { model, purpose, data }, part)).count;
  }

  /** The columns that a job counts, a row at a time: nothing is kept. @throws {Refusal} `data.…`, `policy.columns` */
  async numbers({ job }: KnownStatistics): Promise<AsyncIterable<Float64Array>> {
    const source = await openSource(this.config.data);
    const names = job.statistics.columns.map(({ name }) => name);
    return readNumbers(source, names, await this.options(job.purpose));
  }

  release(): void {
    clearTimeout(this.timer);
    this.kept = undefined;
  }

  private async table(known: KnownRows, part: Part): Promise<Table> {
    const source = await openSource(this.config.data);
    const { rows, consent } = this.config.data;
    // Another choice of rows every round, and people who withdrew since the last: neither can be kept.
    const version = rows === undefined && consent === undefined ? await source.version?.() : undefined;
    if (version === undefined) return this.read(source, known.job, part);
    const key = `${known.hash} ${part} ${version}`;
    if (this.kept?.key !== key) this.kept = { key, table: this.read(source, known.job, part) };
    const { table } = this.kept;
    table.catch(() => this.release());
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.release(), KEPT);
    this.timer.unref();
    return table;
  }

  private async read(source: Source, job: RowsAskedFor, part: Part): Promise<Table> {
    const { inputs, classes: classCount } = job.model;
    const options = { ...(await this.options(job.purpose)), ...this.split(part) };
    const expected = { ...job.data, inputs, classCount };
    if (job.privacy?.unit !== 'example') return readExamples(source, expected, options);
    let first: TuttiError | undefined;
    let count = 0;
    const unfit = (fault: TuttiError) => {
      first ??= fault;
      count++;
    };
    const table = await readExamples(source, expected, { ...options, unfit });
    if (first !== undefined) this.tell(leftOut(count, first));
    return table;
  }

  private split(part: Part): Pick<ReadOptions, 'split'> {
    const { heldOut, heldOutBy, consent } = this.config.data;
    const by = heldOutBy ?? consent?.subject;
    if (heldOut !== undefined) return { split: { fraction: heldOut, part, ...(by !== undefined && { by }) } };
    if (part === 'training') return {};
    throw new Refusal(
      'policy.held-out',
      'No rows are kept aside here to evaluate models on.',
      'Set data.heldOut, the fraction of the rows that is never trained on; or take no part in evaluations.',
    );
  }

  private async options(purpose: string): Promise<ReadOptions> {
    const { data, policy } = this.config;
    return {
      ...(policy.columns !== undefined && { allowed: policy.columns }),
      ...(data.rows !== undefined && {
        atMost: { rows: data.rows, uniform: uniformStream(systemRandom) },
      }),
      ...(data.consent !== undefined && { withdrawn: await withdrawnBy(data.consent, purpose) }),
    };
  }
}

function leftOut(count: number, { message, remedy }: TuttiError): Refusal {
  return new Refusal(
    'data.rows-left-out',
    `${count} of the rows do not fit the job, and were left out. The first: ${message}`,
    remedy,
  );
}

async function withdrawnBy(
  { registry, subject }: NonNullable<ClientConfig['data']['consent']>,
  purpose: string,
): Promise<NonNullable<ReadOptions['withdrawn']>> {
  const { ConsentRegistry } = await import('../rights/consent/index.js');
  const consents = await ConsentRegistry.open(registry);
  return { column: subject, leaveOut: (subjects) => consents.rowsToLeaveOut(subjects, purpose) };
}
