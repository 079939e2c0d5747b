import type { KeyPair, Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { countWeights } from '@tutti/shared/learning';
import { privacyStatement, statementMarkdown, type PrivacyStatement } from '@tutti/shared/privacy';
import { isEvaluation, isStatistics, isTraining, planOf, type Announcement } from '@tutti/shared/protocol';
import {
  draftDpia,
  packRecords,
  paperMarkdown,
  processingRecord,
  type Paper,
  type ProcessingFacts,
} from '@tutti/shared/rights';
import type { ErasureDesk } from '../erasure/desk.js';
import type { Jobs } from '../jobs/jobs.js';
import { readSubmission } from '../jobs/submission.js';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { AuditLog } from '../operators/audit-log.js';
import type { Actor } from '../operators/operators.js';
import type { ArtifactFiles, Store, SubmittedJob } from '../store/index.js';

const PAGE = 500;

export interface RecordsOptions {
  readonly primitives: Primitives;
  /** The coordinator's Ed25519 key. */
  readonly signingKey: KeyPair;
  readonly store: Store;
  readonly artifacts: Pick<ArtifactFiles, 'fetch'>;
  readonly ledger: KeptLedger;
  readonly audit: AuditLog;
  readonly jobs: Pick<Jobs, 'announced' | 'show'>;
  readonly erasure: Pick<ErasureDesk, 'requests'>;
  /** Whether this coordinator is its own enrolment authority. */
  readonly enrols: () => boolean;
  readonly version: string;
  /** Unix time in milliseconds. */
  readonly now: () => number;
}

/** What a privacy officer can show: statement, assessment and record of a job, and everything in one signed archive. */
export class Records {
  constructor(private readonly options: RecordsOptions) {}

  /** The draft of an impact assessment. @throws {Refusal} `job.unknown`, `job.ambiguous`, `job.kind` where it trains no model */
  async assessment(named: string): Promise<Paper> {
    const { jobs, store } = this.options;
    const { job } = await jobs.show(named);
    const submitted = await store.jobs.find(job);
    if (submitted === undefined) throw new Error('A job that was shown is not there.');
    const facts = await this.facts(submitted, await this.statement(job));
    if (facts !== undefined) return draftDpia(facts);
    throw new Refusal(
      'job.kind',
      'The job only counts: assessments are drafted of jobs that train a model.',
      'Its privacy statement is in the archive of all records.',
    );
  }

  /** Everything, as a ZIP file with a manifest that the coordinator has signed. */
  async archive(by: Actor): Promise<Uint8Array> {
    const { store, ledger, audit, primitives, signingKey, now } = this.options;
    await audit.record(by.name, 'records.export', 'all');
    await ledger.refresh();
    const files: Record<string, string> = {
      'ledger.jsonl': lines(ledger.all),
      'erasures.jsonl': lines(await store.erasures.links()),
      'audit.jsonl': lines(await collected(audit.entries())),
      'clients.jsonl': lines(await this.clients()),
    };
    for (const submitted of await store.jobs.list()) Object.assign(files, await this.jobFiles(submitted));
    const certificates = (await this.options.erasure.requests()).flatMap(({ number, certificate }) =>
      certificate === undefined ? [] : [{ number, certificate }],
    );
    const bytes: Record<string, Uint8Array> = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]),
    );
    for (const { number, certificate } of certificates)
      bytes[`certificates/${number}.json`] = await this.options.artifacts.fetch(certificate);
    const about = {
      issued: new Date(now()).toISOString(),
      ledger: { head: ledger.head ?? null, entries: ledger.all.length },
    };
    return packRecords(primitives, signingKey, about, bytes);
  }

  private async jobFiles(submitted: SubmittedJob): Promise<Record<string, string>> {
    const { store, jobs } = this.options;
    const { job, source } = submitted;
    const statement = await this.statement(job);
    const facts = await this.facts(submitted, statement);
    const at = `jobs/${job.slice(0, 12)}`;
    return {
      [`${at}/job.txt`]: source,
      [`${at}/announced.json`]: `${JSON.stringify(await jobs.announced(job), null, 2)}\n`,
      [`${at}/rounds.jsonl`]: lines(await store.rounds.of(job)),
      ...(facts && {
        [`${at}/assessment.md`]: paperMarkdown(draftDpia(facts)),
        [`${at}/processing.md`]: paperMarkdown(processingRecord(facts)),
      }),
      ...(statement && {
        [`${at}/privacy.json`]: `${JSON.stringify(statement, null, 2)}\n`,
        [`${at}/privacy.md`]: statementMarkdown(statement),
      }),
    };
  }

  /** What papers are drafted from; undefined of a job that only counts, about which they have nothing to say. */
  private async facts(
    { job, source }: SubmittedJob,
    statement: PrivacyStatement | undefined,
  ): Promise<ProcessingFacts | undefined> {
    const { jobs, erasure, version, now } = this.options;
    const announced = await jobs.announced(job);
    const submitted = readSubmission(source);
    if (!isTraining(announced) || !isTraining(submitted)) return undefined;
    return {
      job: { ...submitted, privacy: announced.privacy },
      made: new Date(now()).toISOString(),
      software: `Tutti ${version}`,
      erasures: (await erasure.requests()).filter((request) => request.job === job),
      ...(statement && { statement }),
    };
  }

  /** What the ledger says was spent, and how; undefined where the job has not begun. */
  private async statement(job: string): Promise<PrivacyStatement | undefined> {
    const { store, ledger, jobs, version, enrols } = this.options;
    await ledger.refresh();
    const state = await store.jobs.state(job);
    if (state === undefined) return undefined;
    const announced = await jobs.announced(job);
    const { name, purpose, controller, cohort, privacy } = announced;
    return privacyStatement({
      job: { name, purpose, controller, hash: job },
      model: { hash: state.model, description: describe(announced) },
      released: isTraining(announced) ? 'model' : announced.kind,
      plan: planOf(announced),
      ...(privacy.unit === 'example' && { example: { clipNorm: privacy.clipNorm } }),
      minimumCohort: cohort.minimum,
      ledger: ledger.of(job),
      software: { name: 'Tutti', version },
      enrolment: enrols() ? 'coordinator' : 'independent',
    });
  }

  private async clients() {
    const all = [];
    for (let after = ''; ;) {
      const page = await this.options.store.clients.list(PAGE, after);
      for (const { identity, version, firstSeen, lastSeen, revoked, withdrawn } of page)
        all.push({ identity, version, firstSeen, lastSeen, revoked, withdrawn });
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return all;
      after = last.identity;
    }
  }
}

/** What a job has released. */
function describe(announced: Announcement): string {
  if (isStatistics(announced)) return `statistics of ${announced.statistics.columns.length} columns`;
  const model = `${announced.model.kind} of ${countWeights(announced.model)} weights`;
  return isEvaluation(announced) ? `evaluation of a ${model}` : model;
}

function lines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

async function collected<T>(values: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
