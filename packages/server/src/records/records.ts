import type { KeyPair, Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import { countWeights } from '@tutti/shared/learning';
import { privacyStatement, statementMarkdown, type PrivacyStatement } from '@tutti/shared/privacy';
import { isEvaluation, isStatistics, isTraining, planOf, type Announcement } from '@tutti/shared/protocol';
import {
  checkFiling,
  draftDpia,
  filedReportSchema,
  findingOf,
  packRecords,
  paperMarkdown,
  processingRecord,
  type AuditedJob,
  type FiledReport,
  type Paper,
  type ProcessingFacts,
  type RetentionPeriods,
} from '@tutti/shared/rights';
import type { ErasureDesk } from '../erasure/desk.js';
import type { Jobs } from '../jobs/jobs.js';
import { readSubmission } from '../jobs/submission.js';
import type { KeptLedger } from '../ledger/kept-ledger.js';
import type { AuditLog } from '../operators/audit-log.js';
import type { Actor } from '../operators/operators.js';
import type { ArtifactFiles, FiledAudit, Store, SubmittedJob } from '../store/index.js';

const PAGE = 500;

export interface RecordsOptions {
  readonly primitives: Primitives;
  /** The coordinator's Ed25519 key. */
  readonly signingKey: KeyPair;
  readonly store: Store;
  readonly artifacts: Pick<ArtifactFiles, 'fetch' | 'put'>;
  readonly ledger: KeptLedger;
  readonly audit: AuditLog;
  readonly jobs: Pick<Jobs, 'announced' | 'show'>;
  readonly erasure: Pick<ErasureDesk, 'requests'>;
  /** Whether this coordinator is its own enrolment authority. */
  readonly enrols: () => boolean;
  readonly version: string;
  readonly retention: RetentionPeriods;
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

  /** @throws {Refusal} `job.unknown`, `job.ambiguous`, `job.no-statement` where the job has not begun */
  async statementOf(named: string): Promise<PrivacyStatement> {
    const { job, name } = await this.options.jobs.show(named);
    const statement = await this.statement(job);
    if (statement !== undefined) return statement;
    throw new Refusal(
      'job.no-statement',
      `The job ${name} has not begun: there is nothing to state.`,
      'Wait until it has made a round.',
    );
  }

  /** The audits that were filed with a job, oldest first. @throws {Refusal} `job.unknown`, `job.ambiguous` */
  async audits(named: string): Promise<readonly FiledAudit[]> {
    const { jobs, store } = this.options;
    return store.filedAudits.of((await jobs.show(named)).job);
  }

  /**
   * Files an audit of a job. Its figures are those of whoever files it, and are shown with the name.
   *
   * @param text - `audit.json` as it was written
   * @throws {Refusal} `audit.malformed` and what {@link checkFiling} refuses; `job.unknown`, `job.ambiguous`, `job.kind`
   */
  async fileAudit(by: Actor, named: string, text: string): Promise<FiledAudit> {
    const { jobs, store, artifacts, audit, primitives, now } = this.options;
    const { job, name } = await jobs.show(named);
    const { privacy, ...announced } = await jobs.announced(job);
    if (!('unit' in privacy) || !isTraining({ privacy, ...announced } as Announcement)) throw onlyCounts();
    const canaries = await this.canariesIn(job);
    const verdict = checkFiling(primitives, readReport(text), {
      name,
      privacy,
      ...(canaries && { canaries }),
    });
    const report = await artifacts.put(new TextEncoder().encode(text));
    await audit.record(by.name, 'audit.file', job, {
      report,
      passed: verdict.passed,
      epsilonLower: verdict.epsilonLower,
    });
    await store.filedAudits.file(job, { report, verdict, filedBy: by.name, filedAt: now() });
    const filed = (await store.filedAudits.of(job)).find((found) => found.report === report);
    if (filed === undefined) throw new Error('An audit that was filed is not there.');
    return filed;
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
    const audits = await this.filedReports();
    const bytes: Record<string, Uint8Array> = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]),
    );
    for (const { number, certificate } of certificates)
      bytes[`certificates/${number}.json`] = await this.options.artifacts.fetch(certificate);
    Object.assign(bytes, audits);
    const about = {
      issued: new Date(now()).toISOString(),
      ledger: { head: ledger.head ?? null, entries: ledger.all.length },
    };
    return packRecords(primitives, signingKey, about, bytes);
  }

  /** What the ledger says of canaries in a job, where it has any. */
  private async canariesIn(job: string): Promise<AuditedJob['canaries']> {
    const { ledger } = this.options;
    await ledger.refresh();
    const state = ledger.stateOf(job);
    if (state.canaries === undefined) return undefined;
    const { commitment } = state.canaries;
    return { job, commitment, spent: state.isOpen ? undefined : state.spent().releasedModel };
  }

  /** The reports of all audits that were filed, as they were. */
  private async filedReports(): Promise<Record<string, Uint8Array>> {
    const { store, artifacts } = this.options;
    const reports: Record<string, Uint8Array> = {};
    for (const { job } of await store.jobs.list()) {
      for (const { report } of await store.filedAudits.of(job))
        reports[`jobs/${job.slice(0, 12)}/audits/${report.slice(0, 12)}.json`] =
          await artifacts.fetch(report);
    }
    return reports;
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
    const { store, jobs, erasure, version, retention, now } = this.options;
    const announced = await jobs.announced(job);
    const submitted = readSubmission(source);
    if (!isTraining(announced) || !isTraining(submitted)) return undefined;
    const strongest = strongestOf(await store.filedAudits.of(job));
    return {
      job: { ...submitted, privacy: announced.privacy },
      made: new Date(now()).toISOString(),
      software: `Tutti ${version}`,
      erasures: (await erasure.requests()).filter((request) => request.job === job),
      retention,
      ...(statement && { statement }),
      ...(strongest && {
        audit: { made: new Date(strongest.filedAt).toISOString(), ...findingOf(strongest.verdict) },
      }),
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
    const strongest = strongestOf(await store.filedAudits.of(job));
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
      ...(strongest && { audit: findingOf(strongest.verdict) }),
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

/** @throws {Refusal} `audit.malformed` */
function readReport(text: string): FiledReport {
  const parsed = filedReportSchema.safeParse(parsedJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Refusal(
    'audit.malformed',
    `This is no report of an audit: ${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'unknown form'}.`,
    'File the audit.json that `tutti audit run` wrote, as it is.',
  );
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function onlyCounts(): Refusal {
  return new Refusal(
    'job.kind',
    'The job only counts: audits are of jobs that train a model.',
    'File it with the job whose promise it put to the test.',
  );
}

/** The audit that found the largest ε: what one has shown, no later one takes back. */
function strongestOf(filed: readonly FiledAudit[]): FiledAudit | undefined {
  const [first, ...others] = filed;
  return others.reduce(
    (strongest, other) =>
      strongest === undefined || other.verdict.epsilonLower >= strongest.verdict.epsilonLower
        ? other
        : strongest,
    first,
  );
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
