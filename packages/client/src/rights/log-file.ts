import { mkdir, open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { primitives } from '@tutti/shared/crypto/primitives';
import { Refusal } from '@tutti/shared/errors';
import { nextLink, verifyLog, type Link, type LogKind } from '@tutti/shared/rights';

/**
 * An append-only log in a file of its own, a JSON line an entry, chained by hashes, readable by its owner alone (mode 0600). Whoever changes or
 * removes an entry is noticed at the next reading; whoever cuts entries off the end, by those who kept a later hash.
 */
export class LogFile<Entry> {
  constructor(
    readonly path: string,
    private readonly kind: LogKind<Entry>,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * All entries, first to last; none where there is no file.
   * @throws {Refusal} `log.broken` where the chain does not hold
   */
  async read(): Promise<readonly Link<Entry>[]> {
    return (await this.contents()).links;
  }

  /**
   * Appends what `decide` makes of the entries so far, and makes it durable. Nobody else appends in between.
   *
   * @returns the new link
   * @throws {Refusal} `log.broken`, `log.in-use`, `log.malformed`, and what `decide` refuses
   */
  async append(decide: (links: readonly Link<Entry>[]) => Entry): Promise<Link<Entry>> {
    await mkdir(dirname(this.path), { recursive: true });
    return this.exclusively(async () => {
      const { links, bytes } = await this.contents();
      const time = new Date(this.now()).toISOString();
      const entry = this.checked(decide(links));
      const link = nextLink(primitives, this.kind, links.at(-1), { time, entry });
      const file = await open(this.path, 'a', 0o600);
      try {
        await file.chmod(0o600);
        // A line that a crash has cut short was never durable: nobody has relied on it.
        await file.truncate(bytes);
        await file.appendFile(`${JSON.stringify(link)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      return link;
    });
  }

  private checked(entry: Entry): Entry {
    const parsed = this.kind.schema.safeParse(entry);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new Refusal(
      'log.malformed',
      `What was to be noted does not fit: ${issue?.path.join('.') ?? 'the whole'}, ${issue?.message ?? 'unknown'}.`,
      'Correct it and try again: nothing was written.',
    );
  }

  private async contents(): Promise<{ readonly links: readonly Link<Entry>[]; readonly bytes: number }> {
    const text = await readFile(this.path, 'utf8').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    });
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const lines = whole.split('\n').slice(0, -1);
    const verdict = verifyLog(primitives, this.kind, lines.map(parseJson));
    if (verdict.ok) return { links: verdict.links, bytes: Buffer.byteLength(whole) };
    throw new Refusal(
      'log.broken',
      `${this.path} does not hold at line ${verdict.sequence + 1}: ${verdict.reason}.`,
      'Restore it from a backup and find out who changed it.',
    );
  }

  private async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const lock = `${this.path}.lock`;
    let file: FileHandle;
    try {
      file = await open(lock, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new Refusal(
        'log.in-use',
        `Another process is writing ${this.path}.`,
        `Try again; if no other process is at work, remove ${lock}.`,
      );
    }
    try {
      return await work();
    } finally {
      await file.close();
      await rm(lock, { force: true });
    }
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
