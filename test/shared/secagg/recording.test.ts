import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, type RandomSource } from '@tutti/shared/crypto';
import {
  decodeRoundParameters,
  SecAggCoordinator,
  SecAggParticipant,
  type Message,
} from '@tutti/shared/secagg';
import { record, type Recording } from '../../support/secagg-recording.js';
import { NOW } from '../../support/secagg-harness.js';
import { backends } from '../crypto/backends.js';

/*
 * test/vectors/secagg/round.json is a whole round of five clients, of which one is lost between its shares and its masked vector: for
 * other implementations to check themselves against, step by step. To write it anew after a change of the protocol:
 * npx vitest run test/shared/secagg/recording.test.ts -u
 */
const FILE = new URL('../../vectors/secagg/round.json', import.meta.url);

/** Gives exactly the bytes that were drawn when the round was recorded. */
function replayed(hex: string): RandomSource & { readonly left: () => number } {
  const bytes = fromHex(hex);
  let at = 0;
  return {
    kind: 'seeded',
    left: () => bytes.length - at,
    fill: (into) => {
      into.set(bytes.subarray(at, at + into.length));
      at += into.length;
      return into;
    },
  };
}

describe('the recorded round', () => {
  it('is what the two machines say to each other', async () => {
    await expect(`${JSON.stringify(await record(), null, 1)}\n`).toMatchFileSnapshot(FILE.pathname);
  });

  it.each(backends)(
    'is said by each client alone, step by step, with %s primitives',
    async (_, primitives) => {
      const recording = JSON.parse(await readFile(FILE, 'utf8')) as Recording;
      const parameters = decodeRoundParameters(fromHex(recording.parameters));
      for (const [index, client] of recording.clients.entries()) {
        const random = replayed(client.random);
        const machine = new SecAggParticipant({
          primitives,
          random,
          identity: { secretKey: fromHex(client.secretKey), publicKey: fromHex(client.publicKey) },
          certificate: fromHex(client.certificate),
          authority: fromHex(recording.authority),
          coordinator: fromHex(recording.coordinator.publicKey),
          expected: parameters,
          policy: { minimumCohort: 3, minimumCorruptFraction: 0.1, maximumAttempts: 1 },
          highestRound: 6,
          attempts: 0,
        });
        const said: string[] = [];
        for (const step of recording.steps.filter(({ to }) => to === index)) {
          const effects = [...(await machine.receive({ type: step.type, body: fromHex(step.body) }, NOW))];
          if (effects.some(({ kind }) => kind === 'encode')) {
            effects.push(...(await machine.provide(new Uint32Array(fromHex(client.vector).buffer))));
          }
          for (const effect of effects) {
            if (effect.kind === 'send') said.push(`${effect.message.type} ${toHex(effect.message.body)}`);
          }
        }
        const expected = recording.steps.filter(({ from }) => from === index);
        expect(said.slice(0, expected.length)).toEqual(expected.map(({ type, body }) => `${type} ${body}`));
        expect(random.left()).toBe(0);
      }
    },
  );

  it.each(backends)(
    'is said by the coordinator alone, with %s primitives, and comes to the recorded sum',
    async (_, primitives) => {
      const recording = JSON.parse(await readFile(FILE, 'utf8')) as Recording;
      const machine = new SecAggCoordinator({
        primitives,
        signingKey: {
          secretKey: fromHex(recording.coordinator.secretKey),
          publicKey: fromHex(recording.coordinator.publicKey),
        },
        authority: fromHex(recording.authority),
        parameters: decodeRoundParameters(fromHex(recording.parameters)),
      });
      const heading = ({ type, body }: Message, to: string) => `${to} ${type} ${toHex(body)}`;
      const open = await machine.open();
      const said = recording.clients.map(({ publicKey }) => heading(open, publicKey));
      let sum = '';
      let previous: string | undefined;
      const upward = recording.steps.filter(({ from }) => from >= 0);
      for (const step of upward) {
        // Five adverts and four vectors do not complete a phase: its deadline does.
        const overdue = previous === 'advert' || (previous === 'masked' && step.type === 'consistency');
        const effects = previous !== step.type && overdue ? [...(await machine.close(NOW))] : [];
        const from = recording.clients[step.from]?.publicKey ?? '';
        effects.push(...(await machine.receive(from, { type: step.type, body: fromHex(step.body) }, NOW)));
        for (const effect of effects) {
          if (effect.kind === 'send') said.push(heading(effect.message, effect.to));
          if (effect.kind === 'result') sum = toHex(new Uint8Array(effect.sum.buffer));
        }
        previous = step.type;
      }
      const expected = recording.steps
        .filter(({ to }) => to >= 0)
        .map(({ to, type, body }) => `${recording.clients[to]?.publicKey} ${type} ${body}`);
      expect(said.sort()).toEqual(expected.sort());
      expect(sum).toBe(recording.sum);
    },
  );

  it('sums the vectors of its survivors', async () => {
    const recording = JSON.parse(await readFile(FILE, 'utf8')) as Recording;
    const sum = new Uint32Array(6);
    for (const index of recording.survivors) {
      const vector = new Uint32Array(fromHex(recording.clients[index]?.vector ?? '').buffer);
      vector.forEach((lane, at) => (sum[at] = (sum[at] ?? 0) + lane));
    }
    expect(recording.survivors).toEqual([0, 2, 3, 4]);
    expect(toHex(new Uint8Array(sum.buffer))).toBe(recording.sum);
  });

  it('has the masks it says: each key’s stream, as every backend makes it', async () => {
    const recording = JSON.parse(await readFile(FILE, 'utf8')) as Recording;
    expect(recording.masks).toHaveLength(5 + 10);
    for (const { key, stream } of recording.masks) {
      for (const [, primitives] of backends) {
        const start = new Uint8Array(16);
        await primitives.keystream(fromHex(key)).read(start);
        expect(toHex(start)).toBe(stream);
      }
    }
  });
});
