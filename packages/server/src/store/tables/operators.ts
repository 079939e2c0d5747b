import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import type { Access } from './access.js';
import { time } from './columns.js';

/** What an operator may do: look; run jobs too; or decide on privacy too. */
export const OPERATOR_ROLES = ['viewer', 'operator', 'privacy-officer'] as const;
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

/** Who may use the administration. The token itself is kept nowhere. */
export interface Operator {
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  readonly name: string;
  readonly role: OperatorRole;
  /** Unix milliseconds. */
  readonly createdAt: number;
}

const operatorRow = z
  .object({ hash: z.string(), name: z.string(), role: z.enum(OPERATOR_ROLES), created_at: time })
  .transform(({ created_at, ...operator }): Operator => ({ ...operator, createdAt: created_at }));

const COLUMNS = 'hash, name, role, created_at';

export class OperatorTable {
  constructor(private readonly access: Access) {}

  /** @throws {Refusal} `operator.exists` where the name is taken */
  async add({ hash, name, role, createdAt }: Operator): Promise<void> {
    const added = await this.access.write((connection) =>
      connection.query(
        `INSERT INTO operators (${COLUMNS}) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING hash`,
        hash,
        name,
        role,
        createdAt,
      ),
    );
    if (added.length === 0) {
      throw new Refusal('operator.exists', `There is an operator ${name} already.`, 'Choose another name.');
    }
  }

  /** Whose token this is. */
  async byHash(hash: string): Promise<Operator | undefined> {
    const [row] = await this.access.read(`SELECT ${COLUMNS} FROM operators WHERE hash = ?`, hash);
    return row && operatorRow.parse(row);
  }

  /** By name. */
  async list(): Promise<readonly Operator[]> {
    const rows = await this.access.read(`SELECT ${COLUMNS} FROM operators ORDER BY name`);
    return rows.map((row) => operatorRow.parse(row));
  }

  /** Takes an operator's token away. @returns whether there was such an operator */
  async remove(name: string): Promise<boolean> {
    const removed = await this.access.write((connection) =>
      connection.query('DELETE FROM operators WHERE name = ? RETURNING name', name),
    );
    return removed.length > 0;
  }
}
