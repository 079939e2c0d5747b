// Makes what hospitals would have: for each site a folder with a folder for each class, and PNG files in it. Here the classes are digits, from the data set that comes with
// Tutti.
//
//   node examples/images/make-images.js [folder, images] [sites, 6]
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PNG } from 'pngjs';

const [folder = 'images', sites = '6'] = process.argv.slice(2);
const SIDE = 8;
const digits = new URL('../../packages/simulation/data/digits.csv', import.meta.url);
const [, ...rows] = (await readFile(digits, 'utf8')).trim().split('\n');
for (const [index, row] of rows.entries()) {
  const cells = row.split(',').map(Number);
  const pixels = cells.slice(0, SIDE * SIDE);
  const place = join(folder, `site-${index % Number(sites)}`, String(cells[SIDE * SIDE]));
  const png = new PNG({ width: SIDE, height: SIDE, colorType: 0 });
  pixels.forEach((grey, at) => png.data.set([grey * 15, grey * 15, grey * 15, 255], at * 4));
  await mkdir(place, { recursive: true });
  await writeFile(join(place, `${index}.png`), PNG.sync.write(png, { colorType: 0 }));
}
console.log(`${rows.length} images of ${sites} sites in ${folder}`);
