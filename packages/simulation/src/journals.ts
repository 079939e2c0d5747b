import { appendFile, readFile } from 'node:fs/promises';
import { MemoryJournal, type Charge, type Journal } from '@tutti/client';

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

  static async open(path: string): Promise<PopulationJournals> {
    const population = new PopulationJournals(path);
    const text = await readFile(path, 'utf8').catch(() => '');
    for (const line of text.split('\n').filter((written) => written !== '')) {
      await population.replay(JSON.parse(line) as Line);
    }
    return population;
  }

  /** The journal of one client. */
  of(client: string): Journal {
    const journal = this.memory(client);
    const note = (line: Line) => void this.lines.push(line);
    return {
      mark: (job) => journal.mark(job),
      attempts: (job, model) => journal.attempts(job, model),
      charges: (job) => journal.charges(job),
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
