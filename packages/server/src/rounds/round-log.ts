import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import type { RoundReference } from '@tutti/shared/protocol';
import {
  decodeRoundParameters,
  encodeRoundParameters,
  MESSAGE_TYPES,
  PHASES,
  type CoordinatorRecord,
  type RoundParameters,
} from '@tutti/shared/secagg';
import type { ArtifactFiles } from '../store/artifact-files.js';
import type { RoundFiles } from '../store/round-files.js';
import type { Store } from '../store/store.js';
import type { LogLine } from '../store/tables/round-log.js';

/** Bytes of the longest body that is kept in a row: longer ones go into files. */
const LONGEST_IN_ROW = 32 * 1024;
/** Masked vectors in the log after which their sum takes their place. */
const VECTORS_A_SNAPSHOT = 8;

/** What was settled before anybody was invited. */
export interface RoundOpening {
  readonly cohort: readonly string[];
  readonly parameters: RoundParameters;
}

/** A round that its coordinator left in the middle. */
export interface InterruptedRound extends RoundOpening {
  readonly log: RoundLog;
  readonly records: readonly CoordinatorRecord[];
}

/** Where lines go, and of which round they are. */
interface Place {
  readonly store: Store;
  readonly files: RoundFiles;
  readonly reference: RoundReference;
}

const phase = z.enum(PHASES);
const headerSchema = z.object({
  record: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('opened'), cohort: z.array(z.string()) }),
    z.strictObject({ kind: z.literal('message'), from: z.string(), type: z.enum(MESSAGE_TYPES) }),
    z.strictObject({ kind: z.literal('decision'), phase }),
    z.strictObject({ kind: z.literal('snapshot') }),
    z.strictObject({ kind: z.literal('aborted'), phase, code: z.string() }),
  ]),
  /** SHA-256 of the body, where it is in a file. */
  file: z.string().optional(),
});
type Header = z.output<typeof headerSchema>;

interface HeadedLine extends LogLine {
  readonly header: Header;
}

/** A line that is durable, and that a snapshot may replace. */
interface VectorLine {
  readonly line: number;
  readonly file: string | undefined;
}

/**
 * The write-ahead record of one attempt at a round: what `SecAggCoordinator` hands out to be kept, in its order. Messages wait in memory until
 * something depends on them, or for a moment: one that is lost is as one that never arrived, and its sender repeats it.
 * See section 7 of the protocol's specification, in `docs/secure-aggregation.md`.
 */
export class RoundLog {
  private waiting: CoordinatorRecord[] = [];
  private bytes = 0;
  private vectors: VectorLine[] = [];
  private nextLine = 0;
  private writing: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly place: Place,
    private readonly bodies: ArtifactFiles,
  ) {}

  /** Begins the log of an attempt: durable before anybody is invited. */
  static async begin(place: Place, { cohort, parameters }: RoundOpening): Promise<RoundLog> {
    const log = new RoundLog(place, place.files.of(place.reference));
    const body = encodeRoundParameters(parameters);
    await log.append([await log.line({ kind: 'opened', cohort: [...cohort] }, body)], []);
    return log;
  }

  /**
   * Reads the log of an attempt that was left in the middle.
   * @throws {Refusal} `round.log-damaged` where it cannot be gone on with; `artifact.…` where a file of it cannot
   */
  static async resume(place: Place): Promise<InterruptedRound> {
    const log = new RoundLog(place, place.files.of(place.reference));
    const lines = await place.store.roundLog.lines(place.reference);
    const read = await Promise.all(lines.map((line) => log.read(line)));
    const [opened, ...rest] = read;
    if (opened?.header.record.kind !== 'opened') throw damaged();
    log.nextLine = (lines.at(-1)?.line ?? -1) + 1;
    return {
      log,
      cohort: opened.header.record.cohort,
      parameters: decodeRoundParameters(opened.body),
      records: rest.map(({ header: { record }, body }): CoordinatorRecord => {
        if (record.kind === 'opened') throw damaged();
        return record.kind === 'aborted' ? record : { ...record, body };
      }),
    };
  }

  /** Takes in a record. It is durable once {@link flush} has resolved. */
  add(record: CoordinatorRecord): void {
    this.waiting.push(record);
    this.bytes += bodyOf(record).length;
  }

  /** Bytes that are not durable yet. */
  get waitingBytes(): number {
    return this.bytes;
  }

  /**
   * Makes everything durable that was taken in.
   * @param snapshot - the machine's, asked for where many vectors have come: undefined once the inputs are closed
   */
  flush(snapshot: () => CoordinatorRecord | undefined): Promise<void> {
    const written = this.writing.then(() => this.write(snapshot));
    this.writing = written.catch(() => undefined);
    return written;
  }

  private async write(snapshot: () => CoordinatorRecord | undefined): Promise<void> {
    if (this.waiting.length === 0) return;
    const fresh = this.waiting;
    const vectors = fresh.filter(isVector).length + this.vectors.length;
    const sum = vectors >= VECTORS_A_SNAPSHOT ? snapshot() : undefined;
    this.waiting = [];
    this.bytes = 0;
    const records = sum === undefined ? fresh : [...fresh.filter((record) => !isVector(record)), sum];
    const lines: LogLine[] = [];
    const replaced = sum === undefined ? [] : this.vectors;
    const kept = sum === undefined ? this.vectors : [];
    for (const record of records) {
      const line = await this.line(headerOf(record), bodyOf(record));
      if (isVector(record) || record === sum) kept.push({ line: line.line, file: line.header.file });
      lines.push(line);
    }
    this.vectors = kept;
    await this.append(
      lines,
      replaced.map(({ line }) => line),
    );
    for (const { file } of replaced) if (file !== undefined) await this.bodies.remove(file);
  }

  private append(lines: readonly LogLine[], replaced: readonly number[]): Promise<void> {
    return this.place.store.roundLog.append(this.place.reference, lines, replaced);
  }

  private async line(record: Header['record'], body: Uint8Array): Promise<HeadedLine> {
    const line = this.nextLine++;
    if (body.length <= LONGEST_IN_ROW) return { line, header: { record }, body };
    return { line, header: { record, file: await this.bodies.put(body) }, body: new Uint8Array(0) };
  }

  private async read({ header, body, line }: LogLine): Promise<HeadedLine> {
    const parsed = headerSchema.safeParse(header);
    if (!parsed.success) throw damaged();
    const { record, file } = parsed.data;
    if (record.kind === 'snapshot' || (record.kind === 'message' && record.type === 'masked')) {
      this.vectors.push({ line, file });
    }
    return { line, header: parsed.data, body: file === undefined ? body : await this.bodies.fetch(file) };
  }
}

function isVector(record: CoordinatorRecord): boolean {
  return record.kind === 'message' && record.type === 'masked';
}

function headerOf(record: CoordinatorRecord): Header['record'] {
  switch (record.kind) {
    case 'message':
      return { kind: record.kind, from: record.from, type: record.type };
    case 'decision':
      return { kind: record.kind, phase: record.phase };
    case 'snapshot':
      return { kind: record.kind };
    case 'aborted':
      return record;
  }
}

function bodyOf(record: CoordinatorRecord): Uint8Array {
  return record.kind === 'aborted' ? new Uint8Array(0) : record.body;
}

function damaged(): Refusal {
  return new Refusal(
    'round.log-damaged',
    'The record of the round that was under way cannot be read.',
    'Nothing need be done: the round is given up, and what it may have cost stays charged.',
  );
}
