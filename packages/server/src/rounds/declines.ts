/** Codes that are told apart in one attempt: a client that makes some up fills no record. */
const MOST_CODES = 20;
const CODE = /^[a-z0-9]+(?:[.-][a-z0-9]+)*$/;
const LONGEST_CODE = 60;
/** In place of codes that are not ones, or one too many. */
const OTHER = 'other';

/** Why clients of one attempt took no part: each client is counted once, by the code that it gave, and nobody is named. */
export class Declines {
  private readonly clients = new Set<string>();
  private readonly counts = new Map<string, number>();

  add(client: string, code: string): void {
    if (this.clients.has(client)) return;
    this.clients.add(client);
    const known = this.counts.has(code) || (this.counts.size < MOST_CODES && isCode(code));
    const counted = known ? code : OTHER;
    this.counts.set(counted, (this.counts.get(counted) ?? 0) + 1);
  }

  /** Clients, by code. */
  get byCode(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.counts);
  }
}

function isCode(code: string): boolean {
  return code.length <= LONGEST_CODE && CODE.test(code);
}
