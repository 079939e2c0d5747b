import type { SqlConnection, SqlDatabase } from './engines/database.js';
import type { Access } from './tables/access.js';
import { AuditTable } from './tables/audit.js';
import { ClientTable } from './tables/clients.js';
import { EnrolmentTokenTable } from './tables/enrolment-tokens.js';
import { ErasureTable } from './tables/erasures.js';
import { FiledAuditTable } from './tables/filed-audits.js';
import { JobTable } from './tables/jobs.js';
import { LeaseTable, requireLease, type Lease } from './tables/leases.js';
import { LedgerTable } from './tables/ledger.js';
import { MaskOrderTable } from './tables/mask-orders.js';
import { OperatorTable } from './tables/operators.js';
import { RoundLogTable } from './tables/round-log.js';
import { RoundTable } from './tables/rounds.js';

/** What a coordinator must not lose, a table a concern. A write is durable when its promise resolves. */
export class Tables {
  readonly ledger: LedgerTable;
  readonly jobs: JobTable;
  readonly rounds: RoundTable;
  readonly roundLog: RoundLogTable;
  readonly clients: ClientTable;
  readonly enrolmentTokens: EnrolmentTokenTable;
  readonly operators: OperatorTable;
  readonly audit: AuditTable;
  readonly erasures: ErasureTable;
  readonly filedAudits: FiledAuditTable;
  readonly leases: LeaseTable;
  readonly maskOrders: MaskOrderTable;

  constructor(access: Access, now: () => Promise<number>) {
    this.ledger = new LedgerTable(access);
    this.jobs = new JobTable(access);
    this.rounds = new RoundTable(access);
    this.roundLog = new RoundLogTable(access);
    this.clients = new ClientTable(access);
    this.enrolmentTokens = new EnrolmentTokenTable(access);
    this.operators = new OperatorTable(access);
    this.audit = new AuditTable(access);
    this.erasures = new ErasureTable(access);
    this.filedAudits = new FiledAuditTable(access);
    this.leases = new LeaseTable(access, now);
    this.maskOrders = new MaskOrderTable(access);
  }
}

/** The store of one coordinator, or of several that share a PostgreSQL database. */
export class Store extends Tables {
  readonly #database: SqlDatabase;
  readonly #lease: Lease | undefined;

  /** @param lease - under which everything is written; left out, writes need none */
  constructor(database: SqlDatabase, lease?: Lease) {
    const write = <T>(work: (connection: SqlConnection) => Promise<T>) =>
      database.transaction(async (connection) => {
        if (lease !== undefined) await requireLease(connection, lease);
        return work(connection);
      });
    super({ read: (sql, ...values) => database.query(sql, ...values), write }, () => database.now());
    this.#database = database;
    this.#lease = lease;
  }

  /**
   * Makes several writes durable together, or none of them. The work uses the tables that it is given, and no others: within the embedded
   * engine everybody else waits.
   *
   * @throws {Refusal} `lease.lost`
   */
  atomically<T>(work: (tables: Tables) => Promise<T>): Promise<T> {
    return this.#database.transaction(async (connection) => {
      if (this.#lease !== undefined) await requireLease(connection, this.#lease);
      const access: Access = {
        read: (sql, ...values) => connection.query(sql, ...values),
        write: (nested) => nested(connection),
      };
      return work(new Tables(access, () => this.#database.now()));
    });
  }

  /** The same store for the owner of a lease: every write is refused, with `lease.lost`, once another has taken the job over. */
  fenced(lease: Lease): Store {
    return new Store(this.#database, lease);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
