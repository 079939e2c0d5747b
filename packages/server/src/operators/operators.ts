import type { RandomSource } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import type { Role } from '../api/roles.js';
import type { Operator, Store } from '../store/index.js';
import type { AuditLog } from './audit-log.js';
import { makeToken, tokenHash } from './token.js';

/** Whoever asks something of the administration, once it is known who it is. */
export interface Actor {
  readonly name: string;
  readonly role: Role;
}

/** The accounts of those who use the administration, each known by a token of which only the hash is kept. */
export class Operators {
  constructor(
    private readonly table: Store['operators'],
    private readonly audit: AuditLog,
    private readonly random: RandomSource,
    private readonly now: () => number,
  ) {}

  /**
   * Adds an operator.
   * @returns the account and its token, which cannot be had again
   * @throws {Refusal} `operator.exists` where the name is taken
   */
  async add(by: string, { name, role }: Actor): Promise<Operator & { readonly token: string }> {
    const token = makeToken(this.random);
    const operator = { hash: tokenHash(token), name, role, createdAt: this.now() };
    await this.table.add(operator);
    await this.audit.record(by, 'operator.add', name, { role });
    return { ...operator, token };
  }

  /** Whose token this is, if anybody's. */
  async withToken(token: string): Promise<Actor | undefined> {
    return this.table.byHash(tokenHash(token));
  }

  list(): Promise<readonly Operator[]> {
    return this.table.list();
  }

  /** @throws {Refusal} `operator.unknown`, `operator.last` where nobody would be left who could add another */
  async remove(by: string, name: string): Promise<void> {
    const operators = await this.table.list();
    const found = operators.find((operator) => operator.name === name);
    if (found === undefined) {
      throw new Refusal('operator.unknown', `There is no operator ${name}.`, 'List the operators.');
    }
    const officers = operators.filter(({ role }) => role === 'privacy-officer');
    if (found.role === 'privacy-officer' && officers.length === 1) {
      throw new Refusal(
        'operator.last',
        `${name} is the last privacy officer: nobody could add another.`,
        'Add the next one first.',
      );
    }
    await this.audit.record(by, 'operator.remove', name);
    await this.table.remove(name);
  }
}
