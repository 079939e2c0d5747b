import { describe, expect, it } from 'vitest';
import {
  LedgerState,
  planEncoding,
  privacyStatement,
  shardedStatement,
  statementMarkdown,
  type LedgerEvent,
  type PrivacyStatement,
  type StatementFacts,
} from '@tutti/shared/privacy';
import { aborted, chainOf, client, completed, debited, opened } from '../ledger/support/entries.js';

const plan = planEncoding({
  dimension: 650,
  clipNorm: 1,
  noiseMultiplier: 1,
  maximumCohort: 80,
  minimumSharers: 12,
  survivorFraction: 0.8,
  corruptFraction: 0.05,
});
const about = { name: 'digits', purpose: 'Reading postcodes', controller: 'Example University' };

/** A shard that made so many rounds with the same clients in each: ten of them, beginning with one. */
function shard(
  name: string,
  { rounds, from, population }: { rounds: number; from: number; population: number },
  more: { terms?: Parameters<typeof opened>[0]; events?: LedgerEvent[] } = {},
): StatementFacts {
  const participants = Array.from({ length: 10 }, (_, index) => client(from + index));
  const events: LedgerEvent[] = [opened({ population, ...more.terms })];
  for (let round = 1; round <= rounds; round++)
    events.push(debited(round, { participants, sharers: 10, survivors: 9 }), completed(round));
  const hash = name.repeat(64);
  return {
    job: { ...about, hash },
    model: { hash: 'e'.repeat(64), description: 'softmax regression' },
    plan,
    minimumCohort: 4,
    ledger: chainOf([...events, ...(more.events ?? [])], hash),
    software: { name: 'Tutti', version: '0.1.0' },
    enrolment: 'coordinator',
  };
}

const whole = {
  dealt: 2,
  job: { ...about, hash: 'd'.repeat(64) },
  model: { hash: 'f'.repeat(64), description: 'the mean of the class probabilities of 2 models' },
};
const calm = shard('a', { rounds: 2, from: 0, population: 20 });
const busy = shard('b', { rounds: 5, from: 100, population: 30 }, { events: [aborted(6, false)] });
const statement = shardedStatement({ ...whole, shards: [calm, busy] });

const textOf = ({ items }: PrivacyStatement, number: number) =>
  items
    .find((item) => item.number === number)!
    .entries.map(({ label, text }) => `${label}: ${text}`)
    .join('\n');

describe('the statement of several shards', () => {
  const [ofCalm, ofBusy] = [calm, busy].map((facts) => privacyStatement(facts).figures) as [
    PrivacyStatement['figures'],
    PrivacyStatement['figures'],
  ];

  it('claims for every client what its own shard has spent at the most, and not the sum', () => {
    const { releasedModel, coordinator } = statement.figures;
    expect(releasedModel).toEqual(ofBusy.releasedModel);
    expect(coordinator.epsilonWorst).toBe(ofBusy.coordinator.epsilonWorst);
    expect(coordinator.curve).toEqual(ofBusy.coordinator.curve);
    expect(ofBusy.releasedModel.epsilon).toBeGreaterThan(ofCalm.releasedModel.epsilon!);
    expect(shardedStatement({ ...whole, shards: [busy, calm] }).figures.releasedModel).toEqual(releasedModel);
  });

  it('takes at each δ the shard that is worst there', () => {
    const { curve } = statement.figures.releasedModel;
    for (const [index, { delta, epsilon }] of curve.entries()) {
      const both = [ofCalm, ofBusy].map(({ releasedModel }) => releasedModel.curve[index]!);
      expect(both.map((point) => point.delta)).toEqual([delta, delta]);
      expect(epsilon).toBe(Math.max(...both.map((point) => point.epsilon!)));
    }
  });

  it('adds up what is counted', () => {
    const { population, rounds, sampling, ledger } = statement.figures;
    expect(population).toBe(50);
    expect(rounds).toEqual({ completed: 7, abortedCharged: 0, abortedUncharged: 1, undecided: 0 });
    expect(sampling.sharers).toEqual({ least: 10, mean: 10, most: 10 });
    expect(ledger.entries).toBe(calm.ledger.length + busy.ledger.length);
    expect(ledger.head).toBe(`${calm.ledger.at(-1)!.hash} ${busy.ledger.at(-1)!.hash}`);
    expect(statement.shards).toEqual([ofCalm, ofBusy]);
  });

  it('takes the median over the clients of all shards, those that were never charged included', () => {
    // Of 50 clients 30 were never charged; where all but one were, it is the lower of the two figures.
    expect(statement.figures.coordinator.epsilonMedian).toBe(0);
    const small = [
      shard('a', { rounds: 2, from: 0, population: 10 }),
      shard('b', { rounds: 5, from: 100, population: 10 }),
    ];
    const state = new LedgerState('a'.repeat(64));
    for (const entry of small[0]!.ledger) state.apply(entry);
    expect(shardedStatement({ ...whole, shards: small }).figures.coordinator.epsilonMedian).toBe(
      state.spentBy(client(0)),
    );
  });

  it('has all seventeen items, says once what is the same and of each shard what is not', () => {
    expect(statement.items.map(({ number }) => number)).toEqual(
      Array.from({ length: 17 }, (_, index) => index + 1),
    );
    const text = statementMarkdown(statement);
    expect(text).not.toMatch(/undefined|NaN|\[object/);
    expect(textOf(statement, 1)).toMatch(/d{64}/);
    expect(textOf(statement, 1)).toContain('shard 1: 20 clients; shard 2: 30 clients');
    expect(textOf(statement, 5)).toBe(textOf(privacyStatement(calm), 5));
    expect(textOf(statement, 6)).toContain('Clients: 50 enrolled');
    expect(textOf(statement, 4)).toContain('at most 5 were charged to any one client');
    const three = [calm, busy, shard('c', { rounds: 2, from: 200, population: 20 })];
    expect(textOf(shardedStatement({ ...whole, dealt: 3, shards: three }), 1)).toContain(
      'shards 1, 3: 20 clients; shard 2: 30 clients',
    );
    expect(textOf(statement, 9)).toMatch(/7 rounds completed[^]*Over shards: no sum/);
    expect(textOf(statement, 11)).toMatch(
      /population of 50[^]*Of each shard: shard 1: ε = .*; shard 2: ε = /,
    );
    for (const { ledger } of [calm, busy]) expect(textOf(statement, 16)).toContain(ledger.at(-1)!.hash);
    expect(statement.summary[1]).toMatch(/dealt out to 2 shards/);
  });

  it('says where a shard has not begun', () => {
    expect(statement.summary[1]).not.toContain('had begun');
    const partly = shardedStatement({ ...whole, dealt: 3, shards: [calm] });
    expect(partly.summary[1]).toMatch(/dealt out to 3 shards.*Only 1 shard had begun/);
    expect(partly.figures.population).toBe(20);
  });

  it('claims nothing where any shard was seeded, and says so first', () => {
    const seeded = shard('b', { rounds: 1, from: 100, population: 30 }, { terms: { seeded: true } });
    const said = shardedStatement({ ...whole, shards: [calm, seeded] });
    expect(said.claim).toBe('none');
    expect(said.summary[0]).toContain('seeded');
    expect(said.summary[2]).toContain('dealt out');
  });

  it.each<[string, StatementFacts[]]>([
    ['there is none', []],
    ['a client was charged in two of them', [calm, shard('b', { rounds: 1, from: 9, population: 30 })]],
    ['at which δ', [calm, shard('b', { rounds: 1, from: 100, population: 30 }, { terms: { delta: 1e-5 } })]],
  ])('is refused where %s', (why, shards) => {
    expect(() => shardedStatement({ ...whole, shards })).toThrow(
      expect.objectContaining({
        code: 'statement.shards',
        message: expect.stringContaining(why) as string,
      }),
    );
  });

  it('is refused where a ledger does not know its shard', () => {
    expect(() => shardedStatement({ ...whole, shards: [calm, { ...busy, ledger: calm.ledger }] })).toThrow(
      expect.objectContaining({ code: 'statement.no-job' }),
    );
  });
});
