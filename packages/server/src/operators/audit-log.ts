import type { AuditEntry, Store } from '../store/index.js';

const PAGE = 500;

/** Who did what, on paper before it takes effect. */
export class AuditLog {
  constructor(
    private readonly table: Store['audit'],
    private readonly now: () => number,
  ) {}

  /**
   * @param actor - name of an operator, or the part of the coordinator that acted
   * @param action - dotted, lower case: `job.pause`
   * @param subject - what it was done to
   * @param detail - nothing private, no token
   */
  async record(
    actor: string,
    action: string,
    subject: string,
    detail: AuditEntry['detail'] = {},
  ): Promise<void> {
    await this.table.append({ time: this.now(), actor, action, subject, detail });
  }

  /** The entries after a sequence number, in order. */
  async *entries(after = 0): AsyncGenerator<AuditEntry> {
    for (let last = after; ;) {
      const page = await this.table.list(PAGE, last);
      yield* page;
      const end = page.at(-1);
      if (end === undefined || page.length < PAGE) return;
      last = end.sequence;
    }
  }
}
