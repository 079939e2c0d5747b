import { describe, expect, it } from 'vitest';
import { renderShardsReport } from '../../../packages/simulation/src/report/index.js';
import { sampleJob, sampleRecord, sampleSummary } from './sample-run.js';

const shard = (number: number, rounds: number, epsilon: number) => ({
  summary: {
    shard: number,
    clients: 100 + number,
    rounds,
    aborted: 0,
    epsilon: { releasedModel: epsilon, coordinator: 4 * epsilon },
    noiseMultiplier: 1,
    delta: 2e-4,
    seconds: 1,
    modelHash: String(number).repeat(64),
  },
  rounds: Array.from({ length: rounds }, (_, index) => sampleRecord(index + 1)),
});

function render(text = 'digits', shards = [shard(1, 4, 2), shard(2, 3, 3.5)]) {
  const job = { ...sampleJob({ rounds: 4, erasure: { shards: 2 } }), purpose: text };
  const epsilon = { releasedModel: 3.5, coordinator: 14 };
  const summary = sampleSummary({ job: text, rounds: 7, epsilon, shards: shards.map((one) => one.summary) });
  const statement = [{ heading: 'Composition', entries: [{ label: 'Over shards', text }] }];
  return renderShardsReport({ summary, job, shards, statement });
}

const chartsOf = (page: string) =>
  JSON.parse(/<script type="application\/json" id="charts">([^]*?)<\/script>/.exec(page)![1]!) as {
    rounds: number[];
    charts: { id: string; series: { label: string; values: (number | null)[] }[] }[];
  };

describe('the report of several shards', () => {
  it('has a row for each, and speaks of all of them together', () => {
    const page = render();
    expect(page).toMatch(
      /<th scope="row">2<\/th>\s*<td>102<\/td>\s*<td>3<\/td>\s*<td>0<\/td>\s*<td>3\.50<\/td>/,
    );
    expect(page).toContain('Over the shards');
    expect(page).toContain('of 8, none aborted');
  });

  it('draws a curve a shard over one axis, with a gap where a shard made no round', () => {
    const { rounds, charts } = chartsOf(render());
    expect(rounds).toEqual([1, 2, 3, 4]);
    const [accuracy, released] = charts;
    expect(accuracy!.series.map(({ label }) => label)).toEqual(['shard 1', 'shard 2']);
    expect(accuracy!.series[1]!.values[3]).toBeNull();
    expect(released!.series.at(-1)!.label).toBe('budget');
  });

  it('loads nothing, and keeps whatever stands in the job text', () => {
    const page = render('"><img src=x onerror=alert(1)></script><svg onload=alert(1)>');
    expect(page).not.toMatch(/<(?:link|img|svg onload|iframe|base|use)\b/i);
    expect(page).not.toMatch(/<[^>]*\s(?:src|href)\s*=/i);
  });

  it('can be made of a run of which nothing has been completed', () => {
    expect(chartsOf(render('digits', [shard(1, 0, 0)])).rounds).toEqual([]);
  });
});
