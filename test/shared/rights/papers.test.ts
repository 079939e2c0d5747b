import { describe, expect, it } from 'vitest';
import { primitives } from '@tutti/shared/crypto/primitives';
import { nextEntry, type LedgerEntry, type LedgerEvent } from '@tutti/shared/privacy';
import { jobSchema } from '@tutti/shared/protocol';
import {
  draftDpia,
  minimisationReport,
  paperMarkdown,
  processingRecord,
  provenanceJson,
  provenanceMermaid,
  provenanceOf,
  provenanceSvg,
  type ProcessingFacts,
} from '@tutti/shared/rights';

const job = jobSchema.parse({
  name: 'test',
  purpose: 'Find | out <everything>',
  controller: 'A hospital',
  legalBasis: 'public-task',
  specialCategories: 'research',
  model: { inputs: 2, classes: 2 },
  data: { source: 'data.csv', label: 'ill' },
});
const facts: ProcessingFacts = {
  job,
  made: '2026-01-31T12:00:00.000Z',
  software: 'Tutti 0',
  columns: ['age', 'dose'],
};
const jobHash = 'ab'.repeat(32);
const hash = (digit: number) => String(digit).repeat(64);

function ledgerOf(...events: LedgerEvent[]): LedgerEntry[] {
  return events.reduce<LedgerEntry[]>(
    (entries, event) => [
      ...entries,
      nextEntry(primitives, entries.at(-1), { job: jobHash, time: '2026-01-31T12:00:00.000Z', event }),
    ],
    [],
  );
}

const completed = (round: number, model: number): LedgerEvent => ({
  kind: 'round-completed',
  round,
  attempt: 0,
  model: hash(model),
});
const erasure: LedgerEvent = {
  kind: 'erasure',
  request: 'E-1',
  remedy: 'exact',
  clients: [hash(9)],
  replay: { rounds: 1, model: hash(1), epsilonBudget: 9 },
};

describe('the draft of an impact assessment', () => {
  const text = paperMarkdown(draftDpia(facts));

  it('has what Article 35(7) asks for, and leaves open what only people can judge', () => {
    for (const point of ['35(7)(a)', '35(7)(b)', '35(7)(c)', '35(7)(d)']) expect(text).toContain(point);
    expect(text).toContain('Article 6(1) GDPR: public task');
    expect(text).toContain('Article 9(2) GDPR: research');
    expect(text).toMatch(/Data protection officer, name and date: _{8,}/);
    expect(text).toContain('The job has not run');
  });

  it('keeps whatever stands in the job out of the markup', () => {
    expect(text).toContain(String.raw`Find \| out \<everything\>`);
  });

  it.each([
    [true, 'does not prove it'],
    [false, 'THE CLAIM IS FALSE'],
  ])('says what an audit has shown (passed: %s)', (passed, words) => {
    const audit = { made: '2026-01-30T00:00:00Z', epsilonLower: 1.239, claimed: 3, confidence: 0.95, passed };
    const audited = paperMarkdown(draftDpia({ ...facts, audit }));
    expect(audited).toContain(words);
    // A lower bound is rounded down, a claim up.
    expect(audited).toContain('at least 1.23 ');
  });

  it('names requests for erasure that are open', () => {
    const erasures = [
      { number: 'E-1', state: 'closed', due: '2026-02-01T00:00:00Z' },
      { number: 'E-2', state: 'excluded', due: '2026-02-28T00:00:00Z' },
    ];
    expect(paperMarkdown(draftDpia({ ...facts, erasures }))).toContain('E-2 (excluded, due 2026-02-28)');
    expect(paperMarkdown(draftDpia(facts))).toContain('No request for erasure is open');
  });
});

describe('the record of processing', () => {
  it('goes point by point through Article 30(1)', () => {
    const headings = processingRecord(facts).sections.map(({ heading }) => heading.slice(0, 3));
    expect(headings).toEqual(['(a)', '(b)', '(c)', '(d)', '(e)', '(f)', '(g)']);
    expect(paperMarkdown(processingRecord(facts))).toContain('age, dose, ill');
  });

  it('tells for how long a coordinator keeps what, and what it keeps for good', () => {
    const retention = { checkpoints: 90, rounds: 365, invitations: 1 };
    const section = processingRecord({ ...facts, retention }).sections[5]!;
    const text = Object.fromEntries((section.entries ?? []).map((entry) => [entry.label, entry.text]));
    expect(text['Checkpoints of models']).toMatch(/^deleted 90 days after/);
    expect(text['Records of rounds']).toMatch(/^deleted 365 days after/);
    expect(text['Invitations']).toMatch(/^deleted 1 day after/);
    expect(text['Audit log']).toBe('no period is set');
    expect(text['Never deleted']).toContain('the privacy ledger');
    expect(section.open?.join()).not.toContain('logs');
    expect(paperMarkdown(draftDpia({ ...facts, retention }))).toContain('deleted 90 days after');
    expect(paperMarkdown(draftDpia(facts))).toContain('How long models and logs are kept');
  });
});

describe('the report on minimisation', () => {
  it('says of every column whether it is read and why', () => {
    const rows = minimisationReport(job, ['age', 'dose', 'name', 'ill']).sections[0]!.table!.rows;
    expect(rows.map(([column, read]) => [column, read])).toEqual([
      ['age', 'yes'],
      ['dose', 'yes'],
      ['ill', 'yes'],
      ['name', 'no'],
    ]);
  });
});

describe('the provenance of a model', () => {
  const graph = provenanceOf({
    job: { name: 'test', hash: jobHash, purpose: job.purpose, controller: job.controller },
    data: { source: 'data.csv', hash: hash(7) },
    ledger: ledgerOf(completed(1, 1), completed(2, 2), erasure, completed(2, 3)),
  });

  it('goes from data set and job over every round to every model, each from the one before', () => {
    expect(graph.generated).toHaveLength(3);
    const last = graph.generated.at(-1)![1];
    const sources = graph.used.filter(([activity]) => activity === last).map(([, entity]) => entity);
    expect(sources.map((id) => id.split('@')[0])).toEqual([
      `job:${jobHash.slice(0, 12)}`,
      `data:${hash(7).slice(0, 12)}`,
      // Not the model that was taken back: the one that the replay went on from.
      `model:${hash(1).slice(0, 12)}`,
    ]);
  });

  it('marks the models that an erasure has taken back', () => {
    expect(graph.invalidated.map(([entity]) => entity.split('@')[0])).toEqual([
      `model:${hash(2).slice(0, 12)}`,
    ]);
    expect(provenanceMermaid(graph)).toContain('takes back');
    expect(provenanceMermaid(graph).match(/:::gone/g)).toHaveLength(1);
  });

  it('is a picture with a box for every node, in which names are text and nothing else', () => {
    const svg = provenanceSvg(graph);
    expect(svg.match(/<rect x=/g)).toHaveLength(graph.entities.length + graph.activities.length);
    expect(svg.match(/class="model gone"/g)).toHaveLength(1);
    expect(svg.match(/class="back"/g)).toHaveLength(1);
    expect(svg).toContain('<desc id="summary">3 rounds and 3 models, 1 of them taken back');
    const hostile = provenanceSvg({
      ...graph,
      entities: graph.entities.map((node) => ({ ...node, label: '</text><script>"&\u0000' })),
    });
    expect(hostile).not.toContain('<script');
    expect(hostile).not.toContain('\u0000');
    expect(hostile).toContain('&lt;/text&gt;&lt;script&gt;&quot;&amp;');
    expect(svg.match(/NaN|undefined/)).toBeNull();
  });

  it('is PROV-JSON in which every relation is between things that are there', () => {
    const json = provenanceJson(graph) as Record<string, Record<string, Record<string, string>>>;
    const known = new Set(['entity', 'activity', 'agent'].flatMap((kind) => Object.keys(json[kind]!)));
    for (const kind of ['used', 'wasGeneratedBy', 'wasAssociatedWith', 'wasInvalidatedBy']) {
      for (const relation of Object.values(json[kind]!))
        for (const end of Object.values(relation)) expect(known).toContain(end);
    }
    expect(JSON.stringify(json)).not.toContain(hash(9));
  });
});
