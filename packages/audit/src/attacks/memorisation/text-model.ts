import type { Examples } from '@tutti/client/training';
import { publicGenerator } from '@tutti/client/training';
import { type DenseNetwork, modelSpecSchema, type ModelSpec } from '@tutti/shared/learning';

const ALPHABET = ' abcdefghijklmnopqrstuvwxyz.0123456789';
/** Characters from which the next is foretold. */
const CONTEXT = 6;

/** The small language model of the exposure attack: a dense network that foretells a character from the six before it. */
export const TEXT_MODEL: ModelSpec = modelSpecSchema.parse({
  inputs: CONTEXT * ALPHABET.length,
  classes: ALPHABET.length,
  hidden: [{ units: 32, activation: 'tanh' }],
});

/** The rows of a text: each character with the six before it, as indicators. */
export function textExamples(text: string): Examples {
  const codes = Array.from(text, (character) => Math.max(0, ALPHABET.indexOf(character)));
  const count = Math.max(0, codes.length - CONTEXT);
  const features = new Float32Array(count * TEXT_MODEL.inputs);
  const labels = new Int32Array(count);
  for (let row = 0; row < count; row++) {
    for (let place = 0; place < CONTEXT; place++) {
      features[row * TEXT_MODEL.inputs + place * ALPHABET.length + (codes[row + place] ?? 0)] = 1;
    }
    labels[row] = codes[row + CONTEXT] ?? 0;
  }
  return { features, labels, count };
}

/** How surprised the model is by the end of a text after its first six characters, in nats. */
export function surprise(network: DenseNetwork, text: string): number {
  const { features, labels, count } = textExamples(text);
  let sum = 0;
  for (let row = 0; row < count; row++) {
    sum += network.loss(
      features.subarray(row * TEXT_MODEL.inputs, (row + 1) * TEXT_MODEL.inputs),
      labels[row] ?? 0,
    );
  }
  return sum;
}

const PEOPLE = ['anna', 'boris', 'clara', 'david', 'elena', 'felix', 'greta', 'hugo'];
const VERBS = ['plays', 'carries', 'tunes', 'hears', 'repairs', 'sells'];
const THINGS = ['the violin', 'a drum', 'the old organ', 'a silver flute', 'the harp', 'a trumpet'];
const PLACES = ['in the hall', 'at the river', 'in april', 'after dinner', 'for the choir', 'every day'];

/** Sentences about nobody, of a few words in ever new order. */
export function sentences(count: number, seed: number): string {
  const uniform = publicGenerator(seed);
  const pick = (words: readonly string[]) => words[Math.floor(uniform() * words.length)] ?? '';
  return Array.from(
    { length: count },
    () => `${pick(PEOPLE)} ${pick(VERBS)} ${pick(THINGS)} ${pick(PLACES)}. `,
  ).join('');
}
