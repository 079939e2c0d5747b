import { Refusal } from '../errors.js';

/** Every message of the protocol, in the order of a round; `abort` may come at any time, from either side. */
export const MESSAGE_TYPES = [
  'round-open',
  'advert',
  'roster',
  'seed-reveal',
  'seeds',
  'shares',
  'inbox',
  'masked',
  'survivors',
  'consistency',
  'quorum',
  'reveal',
  'result',
  'abort',
] as const;

export type MessageType = (typeof MESSAGE_TYPES)[number];

/** What the transport carries: a type and fixed-layout bytes. */
export interface Message {
  readonly type: MessageType;
  readonly body: Uint8Array;
}

/** A refusal of bytes that no party following the protocol sends. */
export function malformed(problem: string): Refusal {
  return new Refusal(
    'secagg.malformed',
    `Not a message of this protocol: ${problem}.`,
    'The sender follows another protocol, or lies. Leave the round.',
  );
}

/**
 * Lists name each client once, in ascending order: then a set has one encoding, and nobody is counted twice.
 * @throws {Refusal} `secagg.malformed`
 */
export function requireAscending<Item>(items: readonly Item[], indexOf: (item: Item) => number): void {
  let previous = -1;
  for (const item of items) {
    const index = indexOf(item);
    if (index <= previous) throw malformed('a list out of order, or an entry twice');
    previous = index;
  }
}
