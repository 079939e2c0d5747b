import { describe, expect, it, onTestFinished } from 'vitest';
import type { EnrolledClient, JobState, Store, SubmittedJob } from '@tutti/server';
import { nextEntry, type LedgerEntry, type LedgerEvent } from '@tutti/shared/privacy';
import type { RoundRecord } from '@tutti/shared/protocol';
import { ERASURE_LOG, nextLink, type ErasureEvent } from '@tutti/shared/rights';
import { primitives } from '@tutti/shared/crypto/primitives';

export const JOB = 'a'.repeat(64);
const OTHER = 'e'.repeat(64);
const CLIENT = 'c'.repeat(64);

export const stateOf = (rounds: number, job = JOB): JobState => ({
  job,
  rounds,
  attempt: 0,
  model: 'b'.repeat(64),
  task: 'c'.repeat(64),
});
export const recordOf = (round: number, attempt = 0) =>
  ({ round, attempt, outcome: 'completed' }) as unknown as RoundRecord;

export const opened: LedgerEvent = {
  kind: 'job-opened',
  name: 'test',
  delta: 1e-5,
  epsilonBudget: 2,
  population: 10,
  seeded: false,
};
export const debited = (round: number, attempt = 0, participants = [CLIENT]): LedgerEvent => ({
  kind: 'round-debited',
  round,
  attempt,
  release: { kind: 'gaussian', noiseMultiplier: 3, relation: 'zero-out', unit: 'client' },
  sampling: { kind: 'none' },
  sharers: participants.length,
  survivors: participants.length,
  required: 1,
  participants,
});

export function chainOf(events: readonly LedgerEvent[], job = JOB, after?: LedgerEntry): LedgerEntry[] {
  const chain: LedgerEntry[] = [];
  for (const event of events) {
    const time = '2026-01-01T00:00:00.000Z';
    chain.push(nextEntry(primitives, chain.at(-1) ?? after, { job, time, event }));
  }
  return chain;
}

const submitted = (job: string, submittedAt: number): SubmittedJob => ({
  job,
  name: 'digits',
  status: 'running',
  submittedBy: 'ada',
  submittedAt,
  source: "name: digits\n# a comment with a ? and a 'quote'\n",
});

/** What every engine must do. Each test has a store of its own. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  const opening = async () => {
    const store = await open();
    onTestFinished(() => store.close());
    return store;
  };

  describe(`${name}: the ledger`, () => {
    it('appends the next entry, and no other', async () => {
      const { ledger } = await opening();
      const [one, two, three] = chainOf([opened, debited(1), debited(2)]);
      await expect(ledger.append(two!)).rejects.toMatchObject({ code: 'ledger.not-next' });
      await ledger.append(one!);
      await expect(ledger.append(one!)).rejects.toMatchObject({ code: 'ledger.not-next' });
      await ledger.append(two!);
      await ledger.append(three!);
      expect(await ledger.entries()).toEqual([one, two, three]);
      expect(await ledger.entries(2)).toEqual([three]);
    });

    it('lets one of two writers append', async () => {
      const { ledger } = await opening();
      const rivals = ['one', 'two', 'three', 'four'].map(
        (of) => chainOf([{ ...opened, name: of } as LedgerEvent])[0]!,
      );
      const results = await Promise.allSettled(rivals.map((entry) => ledger.append(entry)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'ledger.not-next' });
      }
      expect(await ledger.entries()).toHaveLength(1);
    });

    it('refuses a second debit of one attempt, and books nothing of it', async () => {
      const { ledger } = await opening();
      const chain = chainOf([opened, debited(1), debited(1)]);
      await ledger.append(chain[0]!);
      await ledger.append(chain[1]!);
      await expect(ledger.append(chain[2]!)).rejects.toMatchObject({ code: 'ledger.debited-twice' });
      expect(await ledger.entries()).toHaveLength(2);
      expect(await ledger.participations(CLIENT)).toEqual([{ client: CLIENT, job: JOB, rounds: 1 }]);
    });

    it('counts what a client has been charged for, over all jobs', async () => {
      const { ledger } = await opening();
      const many = Array.from({ length: 450 }, (_, index) => index.toString(16).padStart(64, '0'));
      const first = chainOf([opened, debited(1, 0, [...many, CLIENT])]);
      const second = chainOf([opened, debited(1), debited(2)], OTHER, first.at(-1));
      for (const entry of [...first, ...second]) await ledger.append(entry);
      expect(await ledger.participations(CLIENT)).toEqual([
        { client: CLIENT, job: JOB, rounds: 1 },
        { client: CLIENT, job: OTHER, rounds: 2 },
      ]);
      expect(await ledger.participations()).toHaveLength(452);
    });
  });

  describe(`${name}: jobs and rounds`, () => {
    it('keeps jobs as they were submitted, once', async () => {
      const { jobs } = await opening();
      await jobs.submit(submitted(OTHER, 2_000_000_000_000));
      await jobs.submit(submitted(JOB, 1_000_000_000_000));
      await expect(jobs.submit(submitted(JOB, 5))).rejects.toMatchObject({ code: 'job.submitted-before' });
      expect((await jobs.list()).map(({ job }) => job)).toEqual([JOB, OTHER]);
      await jobs.setStatus(JOB, 'paused');
      expect(await jobs.find(JOB)).toEqual({ ...submitted(JOB, 1_000_000_000_000), status: 'paused' });
      await expect(jobs.setStatus('f'.repeat(64), 'paused')).rejects.toMatchObject({ code: 'job.unknown' });
      expect(await jobs.find('f'.repeat(64))).toBeUndefined();
    });

    it('records a round whole or not at all', async () => {
      const store = await opening();
      await store.jobs.setState(stateOf(0));
      const record = (rounds: number) =>
        store.atomically(async (tables) => {
          await tables.jobs.setState(stateOf(rounds));
          await tables.rounds.add(JOB, recordOf(1));
        });
      await record(1);
      await expect(record(2)).rejects.toThrow();
      expect(await store.jobs.state(JOB)).toEqual(stateOf(1));
      expect(await store.jobs.state(OTHER)).toBeUndefined();
      expect(await store.rounds.of(JOB)).toEqual([recordOf(1)]);
    });

    it('lists rounds and attempts in their order', async () => {
      const { rounds } = await opening();
      for (const [round, attempt] of [
        [2, 1],
        [1, 0],
        [10, 0],
        [2, 0],
      ] as const)
        await rounds.add(JOB, recordOf(round, attempt));
      await rounds.add(OTHER, recordOf(3));
      expect((await rounds.of(JOB)).map(({ round, attempt }) => `${round}.${attempt}`)).toEqual([
        '1.0',
        '2.0',
        '2.1',
        '10.0',
      ]);
    });

    it('lists what came after an attempt, whether that is still there or not', async () => {
      const { rounds } = await opening();
      const places = async (after?: { round: number; attempt: number }) =>
        (await rounds.of(JOB, after)).map(({ round, attempt }) => `${round}.${attempt}`);
      for (const [round, attempt] of [
        [1, 0],
        [2, 0],
        [2, 1],
        [3, 0],
      ] as const)
        await rounds.add(JOB, recordOf(round, attempt));
      await rounds.add(OTHER, recordOf(2));
      expect(await places({ round: 2, attempt: 0 })).toEqual(['2.1', '3.0']);
      await rounds.remove(JOB, [
        { round: 1, attempt: 0 },
        { round: 2, attempt: 0 },
      ]);
      expect(await places()).toEqual(['2.1', '3.0']);
      expect(await places({ round: 2, attempt: 0 })).toEqual(['2.1', '3.0']);
      expect(await places({ round: 3, attempt: 0 })).toEqual([]);
      expect(await rounds.of(OTHER)).toHaveLength(1);
    });

    it('keeps what a transaction that fails has done out of everybody’s sight', async () => {
      const store = await opening();
      const failing = store.atomically(async (tables) => {
        await tables.jobs.setState(stateOf(7));
        expect(await tables.jobs.state(JOB)).toEqual(stateOf(7));
        throw new Error('crash');
      });
      const beside = store.jobs.setState(stateOf(1, OTHER));
      await expect(failing).rejects.toThrow('crash');
      await beside;
      expect(await store.jobs.state(JOB)).toBeUndefined();
      expect(await store.jobs.state(OTHER)).toEqual(stateOf(1, OTHER));
    });
  });

  describe(`${name}: the log of a round`, () => {
    const reference = { job: JOB, round: 3, attempt: 1 };
    const line = (place: number, bytes: readonly number[]) => ({
      line: place,
      header: { place, why: '?' },
      body: Uint8Array.from(bytes),
    });

    it('gives lines back in order, bytes as they were, without those that were replaced', async () => {
      const { roundLog } = await opening();
      await roundLog.append(reference, [line(0, [0, 255, 128]), line(1, []), line(2, [7])]);
      await roundLog.append(reference, [line(3, [9])], [1, 2]);
      expect(await roundLog.lines(reference)).toEqual([line(0, [0, 255, 128]), line(3, [9])]);
      expect(await roundLog.unfinished(JOB)).toEqual(reference);
      expect(await roundLog.unfinished(OTHER)).toBeUndefined();
      await roundLog.clear(OTHER);
      expect(await roundLog.lines(reference)).toHaveLength(2);
      await roundLog.clear(JOB);
      expect(await roundLog.unfinished(JOB)).toBeUndefined();
    });

    it('adds all lines or none', async () => {
      const { roundLog } = await opening();
      await roundLog.append(reference, [line(0, [1])]);
      await expect(roundLog.append(reference, [line(1, [2]), line(0, [3])])).rejects.toThrow();
      expect(await roundLog.lines(reference)).toEqual([line(0, [1])]);
    });
  });

  describe(`${name}: clients and operators`, () => {
    const client = (identity: string): Omit<EnrolledClient, 'firstSeen' | 'lastSeen' | 'revoked'> => ({
      identity,
      certificate: Uint8Array.of(1, 2, 3),
      attributes: { region: 'north', kind: 'clinic' },
      version: '0.1.0',
    });

    it('draws from those that a job is for, as they say of themselves now', async () => {
      const { clients } = await opening();
      await clients.see(client(CLIENT), 1);
      await clients.see({ ...client(OTHER), attributes: {} }, 1);
      expect(await clients.population({ region: ['north', 'south'] })).toEqual([CLIENT]);
      expect(await clients.population()).toHaveLength(2);
      await clients.see({ ...client(CLIENT), attributes: { region: 'east' } }, 2);
      expect(await clients.population({ region: ['north', 'south'] })).toEqual([]);
    });

    it('notes when clients were seen, and who is revoked, for good', async () => {
      const { clients } = await opening();
      await clients.see(client(CLIENT), 1_700_000_000_000);
      await clients.see(client(OTHER), 5);
      await clients.see({ ...client(CLIENT), version: '0.2.0' }, 1_800_000_000_000);
      expect(await clients.find(CLIENT)).toEqual({
        ...client(CLIENT),
        version: '0.2.0',
        firstSeen: 1_700_000_000_000,
        lastSeen: 1_800_000_000_000,
      });
      expect(await clients.population()).toEqual([CLIENT, OTHER]);
      expect(await clients.revoke(CLIENT, 'stolen', 10)).toBe(true);
      expect(await clients.revoke(CLIENT, 'again', 20)).toBe(true);
      expect(await clients.revoke(JOB, 'nobody', 20)).toBe(false);
      await clients.see(client(CLIENT), 30);
      expect((await clients.find(CLIENT))?.revoked).toEqual({ at: 10, why: 'stolen' });
      expect(await clients.population()).toEqual([OTHER]);
      expect((await clients.list(1)).map(({ identity }) => identity)).toEqual([CLIENT]);
      expect((await clients.list(5, CLIENT)).map(({ identity }) => identity)).toEqual([OTHER]);
    });

    it('draws no client that has withdrawn, however often it is seen, and keeps the first time', async () => {
      const { clients } = await opening();
      for (const identity of [CLIENT, OTHER]) await clients.see(client(identity), 5);
      expect(await clients.withdraw(CLIENT, 10)).toBe(true);
      expect(await clients.withdraw(CLIENT, 20)).toBe(true);
      expect(await clients.withdraw(JOB, 20)).toBe(false);
      await clients.see(client(CLIENT), 30);
      expect((await clients.find(CLIENT))?.withdrawn).toBe(10);
      expect(await clients.population()).toEqual([OTHER]);
    });

    it('keeps the log of requests for erasure in order, each link once', async () => {
      const { erasures } = await opening();
      const entry: ErasureEvent = { kind: 'received', request: 'E-1', client: CLIENT, job: JOB };
      const first = nextLink(primitives, ERASURE_LOG, undefined, { time: '2026-01-01T00:00:00.000Z', entry });
      await erasures.append(first);
      await expect(erasures.append(first)).rejects.toMatchObject({ code: 'erasure.not-next' });
      expect(await erasures.links()).toEqual([first]);
    });

    it('keeps audits by their job, each report as it was filed first', async () => {
      const { filedAudits } = await opening();
      const verdict = {
        unit: 'client',
        claimed: { epsilon: 4, delta: 1e-4 },
        ...{ confidence: 0.95, canaries: 10, guesses: 8, correct: 5, epsilonLower: 0.1 },
        ...{ gaussianEpsilonLower: 0.1, epsilonEstimate: 0, largestRefutable: 1, noiseMultiplier: 1 },
        ...{ noise: 1, passed: true },
      } as const;
      const one = { report: CLIENT, verdict, filedBy: 'ada', filedAt: 20 };
      const other = { ...one, report: OTHER, filedAt: 10 };
      expect(await filedAudits.file(JOB, one)).toBe(true);
      expect(await filedAudits.file(JOB, { ...one, filedBy: 'bob' })).toBe(false);
      expect(await filedAudits.file(JOB, other)).toBe(true);
      expect(await filedAudits.of(JOB)).toEqual([other, one]);
      expect(await filedAudits.of(OTHER)).toEqual([]);
    });

    it('lets one client use an enrolment token, before it expires', async () => {
      const { enrolmentTokens } = await opening();
      const token = { hash: JOB, label: 'north', createdBy: 'ada', createdAt: 1, expiresAt: 100 };
      await enrolmentTokens.add(token);
      const refused = { code: 'enrolment.token' };
      await expect(enrolmentTokens.use(OTHER, CLIENT, 50)).rejects.toMatchObject(refused);
      await expect(enrolmentTokens.use(JOB, CLIENT, 100)).rejects.toMatchObject(refused);
      const rivals = [CLIENT, OTHER].map((identity) => enrolmentTokens.use(JOB, identity, 50));
      const results = await Promise.allSettled(rivals);
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const winner = results[0]?.status === 'fulfilled' ? CLIENT : OTHER;
      expect(await enrolmentTokens.use(JOB, winner, 60)).toEqual({ ...token, used: { at: 50, by: winner } });
      expect(await enrolmentTokens.list()).toEqual([{ ...token, used: { at: 50, by: winner } }]);
      expect(await enrolmentTokens.remove(JOB)).toBe(true);
      expect(await enrolmentTokens.remove(JOB)).toBe(false);
    });

    it('knows operators by the hash of their token', async () => {
      const { operators } = await opening();
      const ada = { hash: JOB, name: 'ada', role: 'privacy-officer', createdAt: 1 } as const;
      await operators.add(ada);
      await expect(operators.add({ ...ada, hash: OTHER })).rejects.toMatchObject({ code: 'operator.exists' });
      expect(await operators.byHash(JOB)).toEqual(ada);
      expect(await operators.byHash(OTHER)).toBeUndefined();
      expect(await operators.list()).toEqual([ada]);
      expect(await operators.remove('ada')).toBe(true);
      expect(await operators.byHash(JOB)).toBeUndefined();
      expect(await operators.remove('ada')).toBe(false);
    });

    it('numbers what was done without a gap, however many do it at once', async () => {
      const { audit } = await opening();
      const done = (subject: string) => ({
        time: 5,
        actor: 'ada',
        action: 'job.pause',
        subject,
        detail: { why: 'test' },
      });
      await Promise.all(Array.from({ length: 12 }, (_, index) => audit.append(done(`job ${index}`))));
      expect((await audit.list(100)).map(({ sequence }) => sequence)).toEqual([
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
      ]);
      const [last] = await audit.list(5, 11);
      expect(last).toMatchObject({ ...done(last?.subject ?? ''), sequence: 12 });
    });
  });

  describe(`${name}: leases`, () => {
    it('gives a job to one owner until it gives it up, or its lease ends', async () => {
      const { leases } = await opening();
      const [one, two] = await Promise.all([
        leases.acquire(JOB, 'one', 60_000),
        leases.acquire(JOB, 'two', 60_000),
      ]);
      const held = one ?? two!;
      expect([one, two].filter((lease) => lease !== undefined)).toHaveLength(1);
      expect(await leases.holder(JOB)).toBe(held.owner);
      expect(await leases.remaining(JOB)).toBeGreaterThan(30_000);
      expect(await leases.remaining(JOB)).toBeLessThanOrEqual(60_000);
      expect(await leases.remaining(OTHER)).toBe(0);
      expect(await leases.acquire(OTHER, 'three', 60_000)).toBeDefined();
      expect(await leases.renew(held, 0)).toBe(true);
      expect(await leases.holder(JOB)).toBeUndefined();
      expect(await leases.remaining(JOB)).toBe(0);
      const next = await leases.acquire(JOB, 'four', 60_000);
      expect(next?.token).toBe(held.token + 1);
      expect(await leases.renew(held, 60_000)).toBe(false);
      await leases.release(held);
      expect(await leases.holder(JOB)).toBe('four');
      await leases.release(next!);
      expect(await leases.acquire(JOB, 'five', 1)).toMatchObject({ owner: 'five', token: held.token + 2 });
    });

    it('refuses every write of an owner whose job was taken over', async () => {
      const store = await opening();
      const stale = (await store.leases.acquire(JOB, 'one', 0))!;
      const fenced = store.fenced(stale);
      await fenced.jobs.setState(stateOf(1));
      const current = (await store.leases.acquire(JOB, 'two', 60_000))!;
      const [entry] = chainOf([opened]);
      const lost = { code: 'lease.lost' };
      await expect(fenced.jobs.setState(stateOf(2))).rejects.toMatchObject(lost);
      await expect(fenced.ledger.append(entry!)).rejects.toMatchObject(lost);
      await expect(fenced.rounds.add(JOB, recordOf(1))).rejects.toMatchObject(lost);
      await expect(fenced.roundLog.clear(JOB)).rejects.toMatchObject(lost);
      await expect(fenced.atomically((tables) => tables.jobs.setState(stateOf(3)))).rejects.toMatchObject(
        lost,
      );
      expect(await fenced.jobs.state(JOB)).toEqual(stateOf(1));
      await store.fenced(current).jobs.setState(stateOf(4));
      expect(await store.jobs.state(JOB)).toEqual(stateOf(4));
    });
  });
}
