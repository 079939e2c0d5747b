import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { rules } from '../../../packages/client/src/dp/rules/index.js';
import { layerCases } from './support/layer-cases.js';

const docs = new URL('../../../docs/training.md', import.meta.url);

it('every layer that is tested is in the published matrix, with whether it can be clipped', async () => {
  const rows = (await readFile(docs, 'utf8')).split('\n').flatMap((line) => {
    const [, layer = '', , clipped = ''] = line.split('|').map((cell) => cell.trim());
    return layer === '' ? [] : [[layer, clipped] as const];
  });
  const published = new Map(rows);
  for (const { name, layers } of layerCases) {
    const kinds = layers().filter((layer) => layer.getClassName() !== 'Activation');
    // The layer that the case is about comes last; some follow a convolution that feeds them.
    const kind = kinds.at(-1)!.getClassName();
    const clipped = published.get(name);
    expect(clipped, name).toBeDefined();
    expect(clipped === 'yes', `${name}, a ${kind}`).toBe(kind in rules && clipped !== 'has no weights');
  }
});
