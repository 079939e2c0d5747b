import type { Provenance } from './provenance.js';

type Node = Provenance['entities'][number];

/** Pixels. */
const WIDTH = 760;
const ROW = 46;
const BOX = { width: 210, height: 32 };
const LEFT = { sources: 20, activities: 270, models: 520 };
const TOP = 20;

/**
 * The graph as a picture (SVG 1.1) that stands by itself: data set and job at the left, rounds and erasures down the middle, the model that each
 * round made at the right. A model that an erasure took back is dashed. It runs no script and asks for nothing.
 */
export function provenanceSvg(graph: Provenance): string {
  const { entities, activities, used, generated, invalidated } = graph;
  const made = new Map(generated.map(([entity, activity]) => [entity, activity]));
  const gone = new Set(invalidated.map(([entity]) => entity));
  const row = new Map(activities.map(({ id }, index) => [id, index]));
  const sources = entities.filter(({ id }) => !made.has(id));
  const models = entities.filter(({ id }) => made.has(id));
  sources.forEach(({ id }, index) => row.set(id, index));
  for (const { id } of models) row.set(id, row.get(made.get(id) ?? '') ?? 0);
  const middle = (id: string) => TOP + (row.get(id) ?? 0) * ROW + BOX.height / 2;
  const isSource = new Set(sources.map(({ id }) => id));
  const rounds = [...new Set(used.map(([activity]) => activity))];
  const lines = [
    ...bus(rounds.map(middle), sources.length),
    ...generated.map(([, activity]) =>
      line(LEFT.activities + BOX.width, middle(activity), LEFT.models, middle(activity)),
    ),
    ...used
      .filter(([, entity]) => !isSource.has(entity))
      .map(([activity, entity]) => curve(middle(entity), middle(activity))),
    ...invalidated.map(
      ([entity, activity]) =>
        `<path class="back" d="M${LEFT.activities + BOX.width} ${middle(activity)} L${LEFT.models} ${middle(entity)}"/>`,
    ),
  ];
  const height = TOP + Math.max(sources.length, activities.length) * ROW + 10;
  const summary = `${rounds.length} rounds and ${models.length} models, ${gone.size} of them taken back, from ${sources.map(({ label }) => label).join(' and ')}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title summary">`,
    `<title id="title">Where the model is from</title>`,
    `<desc id="summary">${escaped(summary)}</desc>`,
    `<style>text{font:13px system-ui,sans-serif;fill:#1d2733}rect{fill:#f4f7fa;stroke:#516170}path{fill:none;stroke:#8a98a6}.round rect{rx:16;fill:#e6f0ea}.gone{opacity:.55}.gone rect,.back{stroke-dasharray:4 3}</style>`,
    `<rect width="${WIDTH}" height="${height}" style="fill:#fff;stroke:none"/>`,
    ...lines,
    ...sources.map((node) => box(node, LEFT.sources, middle(node.id), 'source')),
    ...activities.map((node) => box(node, LEFT.activities, middle(node.id), 'round')),
    ...models.map((node) =>
      box(node, LEFT.models, middle(node.id), gone.has(node.id) ? 'model gone' : 'model'),
    ),
    '</svg>',
    '',
  ].join('\n');
}

/** What every round uses, data set and job, by one line that branches off to each. */
function bus(rounds: readonly number[], sources: number): readonly string[] {
  const last = rounds.at(-1);
  if (last === undefined) return [];
  const x = LEFT.sources + BOX.width + 20;
  const ends = Array.from({ length: sources }, (_, index) => TOP + index * ROW + BOX.height / 2);
  const bottom = Math.max(last, ends.at(-1) ?? last);
  return [
    line(x, ends[0] ?? TOP, x, bottom),
    ...ends.map((y) => line(LEFT.sources + BOX.width, y, x, y)),
    ...rounds.map((y) => line(x, y, LEFT.activities, y)),
  ];
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<path d="M${x1} ${y1} L${x2} ${y2}"/>`;
}

/** From a model to the round that went on from it. */
function curve(from: number, to: number): string {
  const right = LEFT.activities + BOX.width;
  return `<path d="M${LEFT.models} ${from + 8} C${LEFT.models - 30} ${to - 8} ${right + 30} ${to - 8} ${right} ${to - 8}"/>`;
}

function box({ label, attributes }: Node, x: number, y: number, kind: string): string {
  const facts = Object.entries(attributes).map(([name, value]) => `${name}: ${value}`);
  const shown = label.length > 28 ? `${label.slice(0, 27)}…` : label;
  return (
    `<g class="${kind}"><title>${escaped([label, ...facts].join('\n'))}</title>` +
    `<rect x="${x}" y="${y - BOX.height / 2}" width="${BOX.width}" height="${BOX.height}"/>` +
    `<text x="${x + 12}" y="${y + 4}">${escaped(shown)}</text></g>`
  );
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  // Control characters have no place in XML 1.0.
  return text
    .replaceAll(/[^\P{Cc}\n\t]/gu, ' ')
    .replaceAll(/[&<>"]/g, (character) => entities[character] ?? '');
}
