import { openDB, type DBSchema, type IDBPDatabase, type IDBPObjectStore } from 'idb';
import { systemRandom } from '@tutti/shared/crypto/primitives';
import { createIdentity, type Identity, type Primitives } from '@tutti/shared/crypto';
import type { RevocationKeep } from '@tutti/shared/protocol';
import type { Charge, Journal } from '../policy/journal.js';
import type { JobOnOffer } from './job-on-offer.js';

/** What this page keeps. An origin's storage is read by every script of that origin: serve the page from one of its own. */
interface Schema extends DBSchema {
  identity: { key: 'own'; value: Identity };
  /** By the key of the enrolment group, hex: one identity may be enrolled in several. */
  certificates: { key: string; value: Uint8Array };
  /** Every job that asked for this client, by its hash, and whether the person has agreed to it. */
  jobs: { key: string; value: { readonly offer: KeptOffer; readonly agreed: boolean } };
  /** The newest list of revoked certificates, by the key of the group. */
  revocations: { key: string; value: Uint8Array };
  marks: { key: string; value: number };
  attempts: { key: [job: string, model: string]; value: number };
  charges: { key: number; value: Charge };
}

/** Without a kind where it was kept when there were none but jobs that train. */
type KeptOffer = Omit<JobOnOffer, 'kind'> & Partial<Pick<JobOnOffer, 'kind'>>;

/** Resolved promises of writes mean that the bytes were flushed to the disk, as far as the browser can tell. */
const DURABLE = { durability: 'strict' } as const;

/** The identity, the certificates and the journal of a browser client, in IndexedDB. */
export class BrowserStorage {
  private constructor(private readonly database: IDBPDatabase<Schema>) {}

  /** Opens the storage of this origin. */
  static async open(name = 'tutti'): Promise<BrowserStorage> {
    const database = await openDB<Schema>(name, 2, {
      upgrade(created, from) {
        if (from < 2) created.createObjectStore('revocations');
        if (from >= 1) return;
        for (const store of ['identity', 'certificates', 'jobs', 'marks', 'attempts'] as const) {
          created.createObjectStore(store);
        }
        created.createObjectStore('charges', { autoIncrement: true });
      },
    });
    return new BrowserStorage(database);
  }

  /** The Ed25519 identity of this browser, made on the first call. It is never sent anywhere. */
  async identity(primitives: Primitives): Promise<Identity> {
    const known = await this.database.get('identity', 'own');
    if (known !== undefined) return known;
    const made = await createIdentity(primitives, systemRandom);
    await this.write('identity', (store) => store.add(made, 'own'));
    return made;
  }

  certificate(group: string): Promise<Uint8Array | undefined> {
    return this.database.get('certificates', group);
  }

  async keepCertificate(group: string, certificate: Uint8Array): Promise<void> {
    await this.write('certificates', (store) => store.put(certificate, group));
  }

  /** Where a group's list is kept. */
  revocations(group: string): RevocationKeep {
    return {
      read: () => this.database.get('revocations', group),
      write: (list) => this.write('revocations', (store) => store.put(list, group)),
    };
  }

  async jobs(): Promise<readonly { readonly offer: JobOnOffer; readonly agreed: boolean }[]> {
    const kept = await this.database.getAll('jobs');
    return kept.map(({ offer, agreed }) => ({ offer: { kind: 'training', ...offer }, agreed }));
  }

  async hasAgreed(job: string): Promise<boolean> {
    return (await this.database.get('jobs', job))?.agreed === true;
  }

  async keepOffer(offer: JobOnOffer, agreed: boolean): Promise<void> {
    await this.write('jobs', (store) => store.put({ offer, agreed }, offer.hash));
  }

  /** What the participant must remember across restarts of the page. */
  get journal(): Journal {
    const { database } = this;
    return {
      mark: async (job) => (await database.get('marks', job)) ?? -1,
      setMark: (job, roundNumber) => this.write('marks', (store) => store.put(roundNumber, job)),
      attempts: async (job, model) => (await database.get('attempts', [job, model])) ?? 0,
      addAttempt: (job, model) =>
        this.write('attempts', async (store) =>
          store.put(((await store.get([job, model])) ?? 0) + 1, [job, model]),
        ),
      charges: () => database.getAll('charges'),
      charge: (charge) => this.write('charges', (store) => store.add(charge)),
    };
  }

  close(): void {
    this.database.close();
  }

  private async write<
    Name extends 'identity' | 'certificates' | 'jobs' | 'marks' | 'attempts' | 'charges' | 'revocations',
  >(
    name: Name,
    change: (store: IDBPObjectStore<Schema, [Name], Name, 'readwrite'>) => Promise<unknown>,
  ): Promise<void> {
    const transaction = this.database.transaction(name, 'readwrite', DURABLE);
    await Promise.all([change(transaction.store), transaction.done]);
  }
}
