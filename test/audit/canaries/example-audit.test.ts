import { beforeAll, describe, expect, it } from 'vitest';
import { auditExamples, verdictOf, verdictWords, type AuditVerdict } from '@tutti/audit';
import type { Examples } from '@tutti/client/training';
import { modelSpecSchema } from '@tutti/shared/learning';
import { loadDataset, seededRandomness } from '@tutti/simulation';

const model = modelSpecSchema.parse({ inputs: 64, classes: 10 });
const claim = { epsilon: 3, delta: 1e-4 };
const SEEDS = [1, 2];
let examples: Examples;

beforeAll(async () => {
  const data = { source: 'digits', label: 'label', offset: 5, scale: 16, heldOut: 0.2 };
  const { train } = await loadDataset(data, { inputs: 64, classes: 10 });
  examples = { features: train.features.slice(0, 400 * 64), labels: train.labels.slice(0, 400), count: 400 };
});

async function audit(seed: number, noise: number): Promise<AuditVerdict> {
  const outcome = await auditExamples({
    ...{ model, examples, claim, clipNorm: 1, noise },
    canaries: 100,
    guesses: 90,
    randomness: seededRandomness(`example audit ${seed}`),
  });
  return verdictOf(outcome, { unit: 'example', confidence: 0.95, noise });
}

describe('the audit of a training that claims ε = 3 for an example', () => {
  it.each(SEEDS)('refutes the claim where the noise is off (seed %i)', async (seed) => {
    const verdict = await audit(seed, 0);
    expect(verdict).toMatchObject({ passed: false, claimed: claim });
    expect(verdict.epsilonLower).toBeGreaterThan(3);
    expect(verdictWords(verdict).join(' ')).toContain('is false');
  });

  it.each(SEEDS)(
    'does not refute it where the noise is on, and says that this proves nothing (seed %i)',
    async (seed) => {
      const verdict = await audit(seed, 1);
      expect(verdict.passed).toBe(true);
      expect(verdict.epsilonLower).toBeLessThan(3);
      expect(verdictWords(verdict).join(' ')).toContain('does not prove');
    },
  );
});
