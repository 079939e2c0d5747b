import { describe, expect, it } from 'vitest';
import { evaluationContribution, evaluationPlaces, decodeEvaluation } from '@tutti/shared/learning';
import { evaluationFileSchema } from '@tutti/shared/protocol';
import { readAnyJob, readJobToRun } from '../../packages/cli/src/job/job-file.js';
import { evaluationTable } from '../../packages/cli/src/output/evaluation.js';

const shape = { classes: 2, confusion: true, scoreBins: 2, calibrationBins: 2, largestLoss: 4 };
const example = 'examples/jobs/breast-cancer-evaluation.yaml';

function evaluation(counts: readonly number[], noise: number, more: Record<string, unknown> = {}) {
  const bounded = { ...shape, rowsPerClient: 1000 };
  const sum = evaluationContribution(bounded, Float64Array.from(counts));
  return evaluationFileSchema.parse({
    format: 'tutti-evaluation-v1',
    job: 'how-good',
    model: 'ab'.repeat(32),
    classes: ['benign', 'malignant'],
    rounds: 1,
    rowsPerClient: 4,
    largestLoss: 4,
    figures: decodeEvaluation(shape, sum, noise),
    ...more,
  });
}

// Examples, right ones, loss; confusion; scores of class 1, of class 0; calibration.
const counts = [200, 180, 51_200, 90, 10, 10, 90, 10, 90, 90, 10, 0, 0, 0, 200, 180, 174_080];

describe('an evaluation, to a person', () => {
  it('is a table of figures, each with the error that noise gives it', () => {
    expect(counts).toHaveLength(evaluationPlaces(shape).length);
    const shown = evaluationTable(evaluation(counts, 4));
    expect(shown).toMatch(/rows counted +200\.0 ± 4\.0/);
    expect(shown).toMatch(/accuracy +0\.900 ± 0\.027/);
    expect(shown).toMatch(/loss \(at most 4 a row\) +0\.250 ± 0\.080/);
    expect(shown).toMatch(/area under ROC curve +0\.900 ± 0\.0\d\d/);
    expect(shown).toMatch(/malignant +10 +90/);
    expect(shown).toMatch(/0\.50 +200\.0 ± 4\.0 +0\.850 ± 0\.026 +0\.900 ± 0\.027/);
    expect(shown).toMatch(/0\.00 +0\.0 ± 4\.0 +too few +too few/);
  });

  it('says “too few” of all that does not stand out of its noise', () => {
    expect(evaluationTable(evaluation(counts, 100))).toMatch(/accuracy +too few/);
  });

  it('says so before anything was counted', () => {
    expect(evaluationTable(evaluation(counts, 4, { figures: null }))).toBe('Nothing has been counted yet.');
  });

  it('lets no name of a class write over the terminal', () => {
    const shown = evaluationTable(evaluation(counts, 4, { classes: ['a\u001b[2J', 'b\nc'] }));
    expect(shown).not.toContain('\u001b');
    expect(shown).toContain('b c');
  });
});

describe('a job file of an evaluation', () => {
  it('is read where jobs are checked and submitted, and refused where a simulation would run it', async () => {
    expect(await readAnyJob(example)).toMatchObject({ kind: 'evaluation', model: { job: 'breast-cancer' } });
    await expect(readJobToRun(example)).rejects.toMatchObject({ code: 'job.kind' });
  });
});
