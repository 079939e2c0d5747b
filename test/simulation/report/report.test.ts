import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chartsOf } from '../../../packages/simulation/src/report/charts.js';
import { smallProbability } from '../../../packages/simulation/src/report/figures.js';
import { renderReport } from '../../../packages/simulation/src/report/index.js';
import { escapeJson, markup } from '../../../packages/simulation/src/report/markup.js';
import { chromium, visit } from './chromium.js';
import { sampleJob, sampleRecord, sampleRun, sampleSummary } from './sample-run.js';

const hostile = [
  '</script><script>document.title="broken"</script>',
  '<!--<script>',
  '"><img src=x onerror=document.title="broken">',
  '</title></style><svg onload=document.title="broken">',
  "'}]</SCRIPT >\u2028\u2029&lt;",
];

/** A run in which every text that a job or an engine could bring says `text`. */
function saturated(text: string) {
  const job = { ...sampleJob(), name: text, purpose: text, controller: text };
  return sampleRun({
    job: { ...job, data: { ...job.data, source: text, label: text } },
    summary: sampleSummary({ job: text, run: text, backend: text, modelHash: text, directory: text }),
    rounds: [sampleRecord(1), sampleRecord(2, { outcome: 'aborted', reason: text })],
    statement: [{ heading: text, entries: [{ label: text, text }] }],
  });
}

const scriptsOf = (page: string) => [...page.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)];

describe('the report is one file that asks the network for nothing', () => {
  const page = renderReport(sampleRun());

  it('has no element and no style that loads anything', () => {
    expect(page).not.toMatch(/<(?:link|img|iframe|object|embed|base|form|video|audio|source|image|use)\b/i);
    expect(page).not.toMatch(/\s(?:src|href|srcset|action|xlink:href|ping|poster)\s*=/i);
    expect(page).not.toMatch(/@import|@font-face|url\(/i);
  });

  it('has scripts that open no connection', () => {
    expect(page).not.toMatch(
      /\b(?:fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts)\s*\(/,
    );
  });

  it('allows by policy its own style and script alone, by their hashes', () => {
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1]?.replaceAll('&#39;', "'");
    const hash = (text: string | undefined) =>
      `'sha256-${createHash('sha256')
        .update(text ?? '')
        .digest('base64')}'`;
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1];
    const script = scriptsOf(page).find(([, attributes]) => attributes === '')?.[2];
    expect(policy?.split('; ')).toEqual([
      "default-src 'none'",
      `script-src ${hash(script)}`,
      `style-src ${hash(style)}`,
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    expect(page).not.toMatch(/unsafe-|\sstyle=|\son\w+=/);
  });

  it('stays small', () => {
    expect(page.length).toBeLessThan(300_000);
  });

  it('carries the licence of uPlot', () => {
    expect(page).toContain('The MIT License (MIT)');
    expect(page).toContain('Leon Sorokin');
  });
});

describe('whatever a job says stays text', () => {
  it.each(hostile)('%j', (text) => {
    const page = renderReport(saturated(text));
    expect(scriptsOf(page).map(([, attributes]) => attributes)).toEqual([
      ' type="application/json" id="charts"',
      '',
    ]);
    expect(page).not.toContain('document.title="broken"');
    expect(page).not.toContain('<img');
    expect(page).not.toContain('<svg onload');
  });

  it('markup escapes what is filled in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(markup`<p title="${text}">${text}</p>`.text).toMatch(/^<p title="[^<>"']*">[^<>"']*<\/p>$/);
      }),
      { seed: 3 },
    );
  });

  it('embedded JSON keeps its value and has no character that HTML acts upon', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.constantFrom(...hostile)), (value) => {
        const { text } = escapeJson(value);
        expect(JSON.parse(text)).toEqual(value);
        expect(text).not.toMatch(/[<>&\u2028\u2029]/);
      }),
      { seed: 4 },
    );
  });
});

describe('what the report says', () => {
  const visible = (page: string) => (/<main>[\s\S]*<\/main>/.exec(page)?.[0] ?? '').replaceAll(/\s+/g, ' ');
  const text = (changes: Parameters<typeof sampleSummary>[0]) =>
    visible(renderReport(sampleRun({ summary: sampleSummary(changes) })));

  it('states both guarantees, and what they do not cover', () => {
    const page = text({});
    expect(page).toContain('ε = 4.97 and δ = 2 × 10⁻⁴');
    expect(page).toContain('more than 144 times as likely');
    expect(page).toContain('ε = 31.10 for the client that took part most often');
    expect(page).toContain('promises little by itself');
    expect(page).toContain('That a client is one of the 500');
  });

  it('claims no privacy for a seeded run', () => {
    const page = text({ seeded: true });
    expect(page).toContain('No privacy is claimed');
    expect(page).toContain('It protects nobody.');
    expect(page).not.toContain('What is guaranteed');
  });

  it('promises no ε where there is none', () => {
    const page = text({ epsilon: { releasedModel: Infinity, coordinator: Infinity } });
    expect(page.match(/No bound on ε can be given\./g)).toHaveLength(2);
    expect(page).toContain('∞');
  });

  it('does not write out a factor that nobody can read', () => {
    expect(text({ epsilon: { releasedModel: 40, coordinator: 90 } })).toContain(
      'more than e^40.00 times as likely',
    );
  });

  it.each([
    ['rounds', 'all rounds done'],
    ['budget', 'stopped at the ε budget'],
    ['stalled', 'every attempt at the next round was aborted'],
    ['interrupted', 'interrupted'],
  ] as const)('says how the run ended: %s', (stopped, words) => {
    expect(text({ stopped })).toContain(words);
  });

  it('has a row for every attempt, and says why one was aborted', () => {
    const rounds = [
      sampleRecord(1),
      sampleRecord(2, { outcome: 'aborted', reason: 'too few survivors' }),
      sampleRecord(2, { attempt: 1 }),
    ];
    const page = visible(renderReport(sampleRun({ rounds })));
    expect(page.match(/<th scope="row">/g)).toHaveLength(3);
    expect(page).toContain('aborted: too few survivors');
    expect(page).toContain('2, attempt 2');
  });

  it('shows the statement where there is one', () => {
    const page = renderReport(
      sampleRun({
        statement: [{ heading: 'Unit', entries: [{ label: 'unit of privacy', text: 'client' }] }],
      }),
    );
    expect(page).toContain('Privacy statement');
    expect(page).toContain('<dt>unit of privacy</dt>');
  });

  it('rounds an upper bound up, never down', () => {
    expect(smallProbability(1 / 3000)).toBe('3.4 × 10⁻⁴');
  });

  it('writes small probabilities as people do', () => {
    expect(smallProbability(2e-4)).toBe('2 × 10⁻⁴');
    expect(smallProbability(1.25e-12)).toBe('1.3 × 10⁻¹²');
  });
});

describe('the charts', () => {
  it('leave no gap to guess at: an aborted round has no accuracy, and an unbounded ε no value', () => {
    const rounds = [
      sampleRecord(1),
      sampleRecord(2, { outcome: 'aborted', epsilon: { releasedModel: Infinity, coordinator: NaN } }),
    ];
    const { charts } = chartsOf(rounds, sampleJob());
    const values = (id: string) => charts.find((chart) => chart.id === id)?.series[0]?.values;
    expect(values('accuracy')).toEqual([rounds[0]?.accuracy, null]);
    expect(values('epsilon-released-model')).toEqual([rounds[0]?.epsilon.releasedModel, null]);
    expect(values('epsilon-coordinator')).toEqual([rounds[0]?.epsilon.coordinator, null]);
  });

  it('draw a cohort whose layers add up to the clients drawn', () => {
    const rounds = Array.from({ length: 30 }, (_, index) => sampleRecord(index + 1));
    const cohort = chartsOf(rounds, sampleJob()).charts.find(({ id }) => id === 'cohort');
    rounds.forEach((record, index) => {
      const sum = cohort?.series.reduce((total, { values }) => total + (values[index] ?? 0), 0);
      expect(sum).toBe(record.selected);
    });
  });

  it('are drawn over attempts, one position each', () => {
    const { rounds } = chartsOf(
      [sampleRecord(1), sampleRecord(2, { outcome: 'aborted' }), sampleRecord(2, { attempt: 1 })],
      sampleJob(),
    );
    expect(rounds).toEqual([1, 2, 2]);
  });
});

const name = 'in a real Chromium';
if (chromium === undefined && process.env['TUTTI_REQUIRE_SERVICES'] !== '1') {
  describe.skip(`${name} (skipped: no Chromium on this machine)`, () => {
    it('opens the report', () => undefined);
  });
} else {
  describe(name, () => {
    const open = (page: string) => {
      if (chromium === undefined)
        throw new Error('Chromium is required here and was not found; set CHROMIUM to its path.');
      return visit(chromium, page);
    };

    it('draws every chart under its own policy, without a complaint', async () => {
      const { dom, console } = await open(renderReport(sampleRun()));
      expect(console).toEqual([]);
      expect(dom).toContain('data-drawn="6"');
      expect(dom.match(/<canvas/g)).toHaveLength(6);
    });

    it('opens a run without rounds, and one with a single round', async () => {
      for (const rounds of [[], [sampleRecord(1)]]) {
        const { dom, console } = await open(renderReport(sampleRun({ rounds })));
        expect(console).toEqual([]);
        expect(dom).toContain(`data-drawn="${rounds.length === 0 ? 0 : 6}"`);
      }
    });

    it('runs nothing that a hostile job brings', async () => {
      for (const text of hostile) {
        const { dom, console } = await open(renderReport(saturated(text)));
        expect(console).toEqual([]);
        expect(dom).toContain('data-drawn="6"');
        expect(dom).not.toContain('<title>broken</title>');
      }
    });
  });
}
