import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Refusal } from '@tutti/shared/errors';
import { malformed, unreadable } from '../refusals.js';
import type { Picture, Source } from '../source.js';

/** Names of the two columns of a folder of images. */
export const IMAGE_COLUMNS = { image: 'image', label: 'label' } as const;

/** Megabytes that one image may take when decoded. */
const LARGEST = 256;
const endings: ReadonlySet<string> = new Set(['.png', '.jpg', '.jpeg']);

/** A folder with a folder for each class, named after it, with PNG and JPEG files in it. Files of other kinds are not looked at. */
export function imageSource(folder: string): Source {
  return {
    name: folder,
    columns: () => Promise.resolve([{ name: IMAGE_COLUMNS.image }, { name: IMAGE_COLUMNS.label }]),
    async *rows(columns) {
      let found = 0;
      for (const label of await namesIn(folder, 'folders')) {
        for (const file of await namesIn(join(folder, label), 'files')) {
          if (!endings.has(extname(file).toLowerCase())) continue;
          found++;
          const place = `${label}/${file}`;
          const wanted = columns.includes(IMAGE_COLUMNS.image);
          const picture = wanted
            ? await pictureIn(join(folder, label, file), `${folder}, ${place}`)
            : undefined;
          const cells = columns.map((column) => (column === IMAGE_COLUMNS.image ? picture : label));
          yield { place, cells };
        }
      }
      if (found > 0) return;
      throw new Refusal(
        'data.empty',
        `${folder} has no images.`,
        'Put PNG or JPEG files into one folder a class, named after the class.',
      );
    },
  };
}

async function namesIn(folder: string, kind: 'folders' | 'files'): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  // In the order of their code points: the same on every machine.
  return entries
    .filter((entry) => (kind === 'folders' ? entry.isDirectory() : entry.isFile()))
    .map(({ name }) => name)
    .sort();
}

async function pictureIn(path: string, place: string): Promise<Picture> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    if (extname(path).toLowerCase() === '.png') {
      const { PNG } = await import('pngjs');
      const { width, height, data } = PNG.sync.read(bytes);
      return { width, height, data };
    }
    const { default: jpeg } = await import('jpeg-js');
    return jpeg.decode(bytes, { useTArray: true, formatAsRGBA: true, maxMemoryUsageInMB: LARGEST });
  } catch {
    throw malformed(place, 'not a whole image', 'Save it again, as PNG or JPEG.');
  }
}
