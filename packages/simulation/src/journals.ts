import { appendFile, readFile } from 'node:fs/promises';
import { MemoryJournal, type Charge, type Journal } from '@tutti/client';
import { roundNumberOf } from '@tutti/shared/protocol';
import type { RunDirectory } from './run-directory.js';

/** The file, within the folder of the run. */
const JOURNALS = 'clients.jsonl';

/** One line of the file: a fact about one virtual client. */
type Line =
  | { readonly client: string; readonly mark: number; readonly job: string }
  | { readonly client: string; readonly attempt: string; readonly job: string }
  | { readonly client: string; readonly charge: Charge };

/**
 * The journals of all virtual clients, in memory, with one file behind them that is written between rounds: a simulation that goes
 * on later finds every client with the budget that it had.
 */
export class PopulationJournals {
  private readonly journals = new Map<string, MemoryJournal>();
  private lines: Line[] = [];

  private constructor(private readonly path: string) {}

  static async open(directory: RunDirectory): Promise<PopulationJournals> {
    const path = directory.file(JOURNALS);
    const population = new PopulationJournals(path);
    const text = await readFile(path, 'utf8').catch(() => '');
    for (const line of linesOf(text)) await population.replay(line);
    return population;
  }

  /** The journal of one client. */
  of(client: string): Journal {
    const journal = this.memory(client);
    const note = (line: Line) => void this.lines.push(line);
    return {
      mark: (job) => journal.mark(job),
      attempts: (job, model) => journal.attempts(job, model),
      charges: () => journal.charges(),
      setMark: (job, mark) => {
        note({ client, job, mark });
        return journal.setMark(job, mark);
      },
      addAttempt: (job, attempt) => {
        note({ client, job, attempt });
        return journal.addAttempt(job, attempt);
      },
      charge: (charge) => {
        note({ client, charge });
        return journal.charge(charge);
      },
    };
  }

  /** Writes what has come since the last time. */
  async flush(): Promise<void> {
    const { lines } = this;
    this.lines = [];
    if (lines.length > 0)
      await appendFile(this.path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  private memory(client: string): MemoryJournal {
    const journal = this.journals.get(client) ?? new MemoryJournal();
    this.journals.set(client, journal);
    return journal;
  }

  private replay(line: Line): Promise<void> {
    const journal = this.memory(line.client);
    if ('charge' in line) return journal.charge(line.charge);
    return 'mark' in line ? journal.setMark(line.job, line.mark) : journal.addAttempt(line.job, line.attempt);
  }
}

/**
 * Lets virtual clients forget that they joined any round after `rounds` of a job; what they were charged stays. To be called while nobody
 * runs the run.
 */
export async function rewindJournals(
  directory: RunDirectory,
  { job, rounds }: { readonly job: string; readonly rounds: number },
): Promise<void> {
  const text = await readFile(directory.file(JOURNALS), 'utf8').catch(() => '');
  const beyond = roundNumberOf({ job, round: rounds + 1, attempt: 0 });
  const behind = new Set<string>();
  const kept = linesOf(text).filter((line) => {
    if ('charge' in line || line.job !== job) return true;
    // A client's mark comes before what else it notes of a round.
    if ('mark' in line && line.mark >= beyond) behind.add(line.client);
    return !behind.has(line.client);
  });
  await directory.write(JOURNALS, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .filter((written) => written !== '')
    .map((written) => JSON.parse(written) as Line);
}
