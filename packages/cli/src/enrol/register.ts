import { z } from 'zod';
import { append, readIfThere } from './files.js';
import { refuse } from './refusals.js';

const time = z.int().min(0);

const entrySchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('issued'),
    at: time,
    serial: z.int().min(1),
    /** Public key, hex. */
    identity: z.string().regex(/^[0-9a-f]{64}$/),
    notBefore: time,
    notAfter: time,
  }),
  z.strictObject({
    kind: z.literal('revoked'),
    at: time,
    /** Of the list that these were added in. */
    version: z.int().min(1),
    serials: z.array(z.int().min(1)).min(1),
  }),
]);

export type RegisterEntry = z.output<typeof entrySchema>;
export type Issued = Extract<RegisterEntry, { kind: 'issued' }>;

/** What an authority has ever signed, a line each, never changed: of it follow the next serial number and the next list. */
export class Register {
  private constructor(
    private readonly path: string,
    private readonly entries: RegisterEntry[],
  ) {}

  /** @throws {Refusal} `enrol.register` where a line is not one of this register. */
  static async open(path: string): Promise<Register> {
    const text = (await readIfThere(path)) ?? '';
    const lines = text.split('\n');
    if (lines.pop() !== '') throw damaged(path, lines.length + 1);
    const entries = lines.map((line, index) => {
      const entry = entrySchema.safeParse(parseJson(line));
      if (!entry.success) throw damaged(path, index + 1);
      return entry.data;
    });
    return new Register(path, entries);
  }

  get issued(): readonly Issued[] {
    return this.entries.filter((entry) => entry.kind === 'issued');
  }

  /** Serial numbers that were taken back. */
  get revoked(): ReadonlySet<number> {
    return new Set(this.entries.flatMap((entry) => (entry.kind === 'revoked' ? entry.serials : [])));
  }

  /** Version of the newest list of revoked certificates, 0 before the first. */
  get version(): number {
    return Math.max(0, ...this.entries.map((entry) => (entry.kind === 'revoked' ? entry.version : 0)));
  }

  get nextSerial(): number {
    return 1 + Math.max(0, ...this.issued.map(({ serial }) => serial));
  }

  /** Resolves when the entry is durable. */
  async add(entry: RegisterEntry): Promise<void> {
    await append(this.path, `${JSON.stringify(entry)}\n`);
    this.entries.push(entry);
  }
}

function damaged(path: string, line: number) {
  return refuse(
    'register',
    `${path}, line ${line}: this is no entry of a register of certificates.`,
    'Restore the file from a backup. Without it a serial number might be given twice.',
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
