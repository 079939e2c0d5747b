import { primitives } from '@tutti/shared/crypto/primitives';
import { concatBytes, type KeyPair } from '@tutti/shared/crypto';
import {
  encodeRoundParameters,
  hashRoundParameters,
  type Message,
  type MessageType,
  type RoundParameters,
} from '@tutti/shared/secagg';
import { expect } from 'vitest';
import { IndexSet } from '../../../../packages/shared/src/secagg/index-set.js';
import { signLabelled, u32, type Label } from '../../../../packages/shared/src/secagg/labels.js';
import {
  advertContent,
  decodeAdvert,
  decodeSeedReveal,
  encodeAdvert,
  encodeRoster,
  encodeRoundOpen,
  type Advert,
} from '../../../../packages/shared/src/secagg/messages/advertise.js';
import {
  assembleRoster,
  formRound,
  hashSharers,
  hashSurvivors,
  seedFromReveals,
  seedWithoutGraph,
  type RoundContext,
} from '../../../../packages/shared/src/secagg/round-context.js';
import type { Client, TestRound } from '../../../support/secagg-harness.js';

/** The order of Ed25519's group, little-endian. */
const GROUP_ORDER = Uint8Array.from(
  Buffer.from('1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed', 'hex').reverse(),
);

/** Another signature over the same message by the same key, which a verifier that does not check S < L would accept: S + L. */
export function malleate(signature: Uint8Array): Uint8Array {
  const malleated = signature.slice();
  let carry = 0;
  for (let index = 0; index < 32; index++) {
    const sum = (signature[32 + index] ?? 0) + (GROUP_ORDER[index] ?? 0) + carry;
    malleated[32 + index] = sum & 0xff;
    carry = sum >> 8;
  }
  return malleated;
}

/** A copy with one bit of one byte the other way. Negative places count from the end. */
export function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  const place = at < 0 ? copy.length + at : at;
  copy[place] = (copy[place] ?? 0) ^ 1;
  return copy;
}

/** The round as everybody who was told the truth sees it, from what the clients have sent so far. */
export async function contextOf(round: TestRound): Promise<RoundContext> {
  const parametersHash = hashRoundParameters(primitives, encodeRoundParameters(round.parameters));
  const roster = assembleRoster(primitives, parametersHash, advertsOf(round));
  const seeds = round.clients.flatMap((client, index) => {
    const reveal = sentBy(client, 'seed-reveal');
    return reveal ? [{ index, seed: decodeSeedReveal(reveal).seed }] : [];
  });
  const seed =
    round.parameters.graphMode === 'ring-reveal'
      ? seedFromReveals(primitives, parametersHash, roster, seeds)
      : seedWithoutGraph(primitives, roster);
  return formRound(primitives, round.parameters, parametersHash, roster, seed);
}

export function advertsOf(round: TestRound): Advert[] {
  return round.clients.flatMap((client) => {
    const body = sentBy(client, 'advert');
    return body ? [decodeAdvert(body)] : [];
  });
}

/** Context, sharers and survivors, where everybody who was not lost is in both. */
export async function viewOf(
  round: TestRound,
  lost: readonly number[] = [],
  dropped: readonly number[] = [],
) {
  const context = await contextOf(round);
  const all = round.clients.map((_, index) => index).filter((index) => !lost.includes(index));
  const sharers = IndexSet.of(round.clients.length, all);
  const survivors = IndexSet.of(
    round.clients.length,
    all.filter((index) => !dropped.includes(index)),
  );
  const sharersHash = hashSharers(primitives, context, sharers);
  const survivorsHash = hashSurvivors(primitives, context, sharersHash, survivors);
  return { context, sharers, sharersHash, survivors, survivorsHash };
}

/** What this client has sent of this type, or undefined. */
export function sentBy(client: Client, type: MessageType): Uint8Array | undefined {
  return client.sent.find((message) => message.type === type)?.body;
}

/** The key pairs that a client's machine made for the round: what a corrupt client knows of itself. */
export async function keysOf(client: Client): Promise<{ sealing: KeyPair; masking: KeyPair }> {
  const random = client.random();
  const sealing = await primitives.agreementKeyPair(random);
  return { sealing, masking: await primitives.agreementKeyPair(random) };
}

/** Signs as a client that works with the attacker. */
export function signAs(
  { identity }: { readonly identity: KeyPair },
  label: Label,
  ...parts: Uint8Array[]
): Promise<Uint8Array> {
  return signLabelled(primitives, identity.secretKey, label, ...parts);
}

/** Opens a round with other parameters, signed by the coordinator. */
export async function openWith(
  round: TestRound,
  changes: Partial<RoundParameters>,
  suffix = new Uint8Array(0),
): Promise<Message> {
  const encoded = concatBytes(encodeRoundParameters({ ...round.parameters, ...changes }), suffix);
  const { coordinator } = round.enrolment;
  const signature = await signLabelled(primitives, coordinator.secretKey, 'params', encoded);
  return { type: 'round-open', body: encodeRoundOpen(encoded, signature) };
}

/** A corrupt client's advert: its own, changed, and signed again. */
export async function advertWith(
  client: Client,
  advert: Advert,
  changes: Partial<Advert>,
  signer: KeyPair = client.identity,
): Promise<Uint8Array> {
  const { parametersHash, identity, sealingKey, maskingKey, seedCommitment, certificate } = advert;
  const fields = { parametersHash, identity, sealingKey, maskingKey, seedCommitment, certificate };
  const content = advertContent({ ...fields, ...changes });
  return encodeAdvert(content, await signLabelled(primitives, signer.secretKey, 'advert', content));
}

/** A roster of these adverts, signed by the coordinator, whatever it holds. */
export async function rosterOf(round: TestRound, adverts: readonly Uint8Array[]): Promise<Message> {
  const parametersHash = hashRoundParameters(primitives, encodeRoundParameters(round.parameters));
  let hash: Uint8Array;
  try {
    hash = assembleRoster(primitives, parametersHash, adverts.map(decodeAdvert)).hash;
  } catch {
    hash = new Uint8Array(32);
  }
  const { coordinator } = round.enrolment;
  const seed = new Uint8Array(0);
  const signature = await signLabelled(
    primitives,
    coordinator.secretKey,
    'roster',
    parametersHash,
    hash,
    seed,
  );
  return { type: 'roster', body: encodeRoster(adverts, seed, signature) };
}

/** Replaces the messages of one type on their way to one client. */
export function towards(
  victim: number,
  type: MessageType,
  change: (body: Uint8Array) => Uint8Array | Message | Promise<Uint8Array | Message>,
) {
  return async (to: number, message: Message): Promise<readonly Message[]> => {
    if (to !== victim || message.type !== type) return [message];
    const changed = await change(message.body);
    return [changed instanceof Uint8Array ? { type, body: changed } : changed];
  };
}

/** The client has left for this reason, said so and nothing else, and never sent a message of type `without`. */
export async function expectLeft(client: Client, code: string, without: MessageType): Promise<void> {
  const last = client.effects.at(-1);
  expect(last?.kind === 'aborted' ? last.code : `still there: ${client.machine.phase}`).toBe(code);
  expect(client.machine.phase).toBe('aborted');
  expect(client.sent.at(-1)?.type).toBe('abort');
  expect(client.sent.map(({ type }) => type)).not.toContain(without);
  for (const type of ['roster', 'inbox', 'survivors', 'quorum', 'result'] as const)
    expect(await client.machine.receive({ type, body: new Uint8Array(0) }, 0)).toEqual([]);
  expect(await client.machine.provide(client.vector)).toEqual([]);
}

export { u32 };
