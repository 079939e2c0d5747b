import { describe, expect, it, onTestFinished } from 'vitest';
import type { LedgerEntry } from '@tutti/shared/privacy';
import { decodeEvaluationFile } from '@tutti/shared/protocol';
import { QUICK_EVALUATION, trainAndEvaluate } from '../../support/evaluation.js';
import { TestCoordinator } from '../../support/test-coordinator.js';

interface Shown {
  readonly job: string;
  readonly kind: string;
  readonly model: string;
  readonly announced: { readonly evaluation: { readonly job: string; readonly weights: string } };
  readonly epsilon: { readonly coordinator: number };
}

describe('a model that is evaluated by the clients of its coordinator', () => {
  it('is the one that the job has come to; what is found is an artifact, and its cost is in the ledger', async () => {
    const coordinator = await TestCoordinator.start();
    onTestFinished(() => coordinator.dispose());
    await coordinator.join(5);
    await trainAndEvaluate(coordinator);
    const shown = async (named: string) => (await coordinator.ask('showJob', { named })).json as Shown;
    const [trained, evaluated] = [await shown('quick'), await shown('how-good')];
    expect(evaluated.kind).toBe('evaluation');
    expect(evaluated.announced.evaluation).toMatchObject({ job: trained.job, weights: trained.model });

    const { json } = await coordinator.ask('jobResult', { named: 'how-good' });
    const { url } = json as { url: string };
    const found = decodeEvaluationFile(
      new Uint8Array(await (await fetch(`${coordinator.url}${url}`)).arrayBuffer()),
    );
    expect(found).toMatchObject({ job: 'how-good', model: trained.model, rounds: 1 });
    // Two rows of each of five clients, one of them right.
    const { examples } = found.figures ?? {};
    expect(Math.abs((examples?.value ?? NaN) - 10)).toBeLessThan(5 * (examples?.noise ?? NaN));

    const ledger = (await coordinator.ask('jobLedger', { named: 'how-good' })).text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LedgerEntry);
    expect(ledger.map(({ event }) => event.kind)).toEqual([
      'job-opened',
      'round-debited',
      'round-completed',
      'job-closed',
    ]);
    expect(evaluated.epsilon.coordinator).toBeGreaterThan(0);
    expect(evaluated.epsilon.coordinator).toBeLessThanOrEqual(40);
  });

  it('is refused where the coordinator has no such job', async () => {
    const coordinator = await TestCoordinator.start();
    onTestFinished(() => coordinator.dispose());
    await coordinator.join(3);
    const { status, text } = await coordinator.ask('submitJob', { body: { job: QUICK_EVALUATION } });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(JSON.parse(text)).toMatchObject({ code: 'job.unknown' });
  });
});
