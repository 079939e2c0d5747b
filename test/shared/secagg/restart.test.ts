import { describe, expect, it } from 'vitest';
import { toHex } from '@tutti/shared/crypto';
import {
  SecAggCoordinator,
  type CoordinatorEffect,
  type CoordinatorRecord,
  type Message,
  type MessageType,
  type ParticipantEffect,
} from '@tutti/shared/secagg';
import { NOW, TestRound, type Outcome, outcomeOf } from '../../support/secagg-harness.js';

interface Weather {
  /** The coordinator dies when this many records are durable: nothing after that is done, and what was on its way to it is lost. */
  readonly crashes: readonly number[];
  /** It dies with the record not yet durable. */
  readonly before?: boolean;
  /** Takes the place of masked vectors as they come in. */
  readonly snapshots?: boolean;
  readonly lost?: ReadonlyMap<number, MessageType>;
}

/** A round whose coordinator dies and is rebuilt from its log, as a shell would do it. */
class FragileRound {
  readonly effects: CoordinatorEffect[] = [];
  readonly log: CoordinatorRecord[] = [];
  restarts = 0;
  private machine: SecAggCoordinator;
  private queue: (() => Promise<void>)[] = [];
  private written = 0;
  private dead = new Set<number>();

  constructor(
    readonly round: TestRound,
    private readonly weather: Weather,
  ) {
    this.machine = round.coordinator;
  }

  async run(): Promise<Outcome> {
    await this.openRound();
    for (;;) {
      const step = this.queue.shift();
      if (step) await step();
      else if (this.machine.phase === 'finished' || this.machine.phase === 'aborted') break;
      else await this.perform(await this.machine.close(NOW));
    }
    return outcomeOf(this.effects);
  }

  private async openRound(): Promise<void> {
    const open = await this.machine.open();
    this.round.clients.forEach((_, index) => this.toClient(index, open));
  }

  private toClient(index: number, message: Message): void {
    this.queue.push(async () => {
      if (this.dead.has(index)) return;
      await this.performClient(index, await this.round.client(index).machine.receive(message, NOW));
    });
  }

  private async performClient(index: number, effects: readonly ParticipantEffect[]): Promise<void> {
    const client = this.round.client(index);
    for (const effect of effects) {
      client.effects.push(effect);
      if (effect.kind === 'encode')
        await this.performClient(index, await client.machine.provide(client.vector));
      if (effect.kind !== 'send') continue;
      if (this.weather.lost?.get(index) === effect.message.type) this.dead.add(index);
      if (this.dead.has(index)) return;
      client.sent.push(effect.message);
      const { machine } = this;
      this.queue.push(async () => {
        // What was sent to a coordinator that is gone is lost.
        if (machine === this.machine)
          await this.perform(await machine.receive(client.id, effect.message, NOW));
      });
    }
  }

  private async perform(effects: readonly CoordinatorEffect[]): Promise<void> {
    for (const effect of effects) {
      if (effect.kind === 'persist') {
        const dies = this.weather.crashes.includes(++this.written);
        if (!(dies && this.weather.before)) this.write(effect.record);
        if (dies) return this.restart();
      }
      this.effects.push(effect);
      if (effect.kind === 'send') {
        const { to, message } = effect;
        this.toClient(
          this.round.clients.findIndex(({ id }) => id === to),
          message,
        );
      }
    }
  }

  private write(record: CoordinatorRecord): void {
    const masked = record.kind === 'message' && record.type === 'masked';
    // The last vector closes the phase: it stands in the log as it came, beside the snapshot of those before it.
    const snapshot = this.weather.snapshots && masked ? this.machine.snapshot() : undefined;
    const kept = snapshot ? this.log.filter(({ kind }) => kind !== 'snapshot') : this.log;
    this.log.splice(0, this.log.length, ...kept, snapshot ?? record);
  }

  private async restart(): Promise<void> {
    this.restarts++;
    this.machine = await SecAggCoordinator.restore(this.round.options, this.log);
    if (this.machine.phase === 'advertise') await this.openRound();
    await this.perform(await this.machine.resume());
  }
}

const LOST = new Map<number, MessageType>([
  [1, 'masked'],
  [4, 'consistency'],
]);

async function survive(weather: Weather, seed = 'restart') {
  const round = await TestRound.create({ seed, clients: 7, parameters: { dimension: 9, laneBits: 16 } });
  const fragile = new FragileRound(round, weather);
  return { fragile, round, outcome: await fragile.run() };
}

/** The sum is paid for before any quorum is spoken. */
function expectPaidFirst({ effects }: Outcome): void {
  const debit = effects.findIndex(({ kind }) => kind === 'debit');
  const quorum = effects.findIndex((effect) => effect.kind === 'send' && effect.message.type === 'quorum');
  expect(debit).toBeGreaterThan(0);
  expect(quorum).toBeGreaterThan(debit);
}

/** Nobody ever said two things of one type. */
function expectOneVoice(round: TestRound): void {
  for (const { sent } of round.clients) {
    const voices = new Set(sent.map(({ type, body }) => `${type} ${toHex(body)}`));
    expect(voices.size).toBe(new Set(sent.map(({ type }) => type)).size);
  }
}

function expectSum(
  { round, outcome }: Awaited<ReturnType<typeof survive>>,
  survivors: readonly number[],
): void {
  const ids = survivors.map((index) => round.client(index).id);
  expect(outcome.result?.survivors).toEqual(ids);
  expect(outcome.result?.sum).toEqual(round.sumOf(ids));
}

const ALL = [0, 1, 2, 3, 4, 5, 6];
const WITHOUT_LOST = [0, 2, 3, 4, 5, 6];

describe('a coordinator that dies and is rebuilt from its records', () => {
  it.each([
    ['has made a record durable', false],
    ['makes a record durable', true],
  ])('sums exactly and pays first, whenever it %s last', async (_, before) => {
    const { fragile } = await survive({ crashes: [] });
    // Seven messages in each of five phases, and their decisions.
    expect(fragile.log).toHaveLength(40);
    for (let crash = 1; crash <= 40; crash++) {
      const survived = await survive({ crashes: [crash], before });
      expect(survived.fragile.restarts).toBe(1);
      expectSum(survived, ALL);
      expectOneVoice(survived.round);
      expectPaidFirst(survived.outcome);
    }
  });

  it('sums exactly with clients lost on the way, dying at every third record', async () => {
    const crashes = Array.from({ length: 30 }, (_, index) => 3 * index + 1);
    for (const before of [false, true]) {
      const survived = await survive({ crashes, before, lost: LOST });
      expect(survived.fragile.restarts).toBeGreaterThan(8);
      expectSum(survived, WITHOUT_LOST);
      expectOneVoice(survived.round);
    }
  });

  it('never adds a vector twice that is in a snapshot', async () => {
    for (let crash = 17; crash <= 26; crash++) {
      const survived = await survive({ crashes: [crash], snapshots: true, before: crash % 2 === 0 });
      expectSum(survived, ALL);
    }
  });

  it('never names a second set of survivors: a vector that comes late is refused after the restart too', async () => {
    const round = await TestRound.create({ seed: 'late', clients: 7 });
    const fragile = new FragileRound(round, { crashes: [], lost: LOST });
    await fragile.run();
    const decided = fragile.log.findIndex((record) => record.kind === 'decision' && record.phase === 'input');
    const machine = await SecAggCoordinator.restore(round.options, fragile.log.slice(0, decided + 1));
    expect(machine.phase).toBe('consistency');
    const [resumed] = (await machine.resume()).filter(({ kind }) => kind === 'send');
    const spoken = fragile.effects.find(
      (effect) => effect.kind === 'send' && effect.message.type === 'survivors',
    );
    expect(resumed).toEqual(spoken);
    const charged = round.client(1).effects.at(-1);
    expect(charged?.kind).toBe('send');
    const late =
      charged?.kind === 'send' ? charged.message : { type: 'masked' as const, body: new Uint8Array() };
    expect(late.type).toBe('masked');
    expect(await machine.receive(round.client(1).id, late, NOW)).toEqual([
      { kind: 'rejected', from: round.client(1).id, code: 'secagg.misplaced' },
    ]);
    expect(machine.survivorCount).toBe(6);
  });

  it('gives its result again, and stays aborted where it was', async () => {
    const round = await TestRound.create({ seed: 'again', clients: 7 });
    const fragile = new FragileRound(round, { crashes: [] });
    const { result } = await fragile.run();
    const finished = await SecAggCoordinator.restore(round.options, fragile.log);
    expect(finished.phase).toBe('finished');
    expect((await finished.resume()).at(-1)).toEqual(result);

    const short = await TestRound.create({ seed: 'short', clients: 7 });
    const failing = new FragileRound(short, {
      crashes: [],
      lost: new Map(ALL.slice(0, 5).map((index) => [index, 'masked'])),
    });
    expect((await failing.run()).aborted?.code).toBe('secagg.too-few-survivors');
    const aborted = await SecAggCoordinator.restore(short.options, failing.log);
    expect(aborted.phase).toBe('aborted');
    expect(await aborted.resume()).toEqual([]);
    expect(await aborted.close(NOW)).toEqual([]);
  });

  it('reminds a client that has come back of what it was told, byte for byte', async () => {
    const round = await TestRound.create({ seed: 'remind', clients: 7 });
    const told: CoordinatorEffect[] = [];
    await round.run({
      toClient: (to, message) => {
        if (to !== 3 || message.type === 'round-open') return [message];
        told.push(...round.coordinator.remind(round.client(3).id));
        return [message];
      },
    });
    const sends = told.filter((effect) => effect.kind === 'send').map(({ message }) => message.type);
    expect(sends).toEqual(['roster', 'inbox', 'survivors', 'quorum', 'result']);
    expect(round.coordinator.remind('00'.repeat(32))).toEqual([]);
  });
});
