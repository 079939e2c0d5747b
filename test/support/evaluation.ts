import { eventually, QUICK_JOB, type TestCoordinator } from './test-coordinator.js';

/** An evaluation of the model of {@link QUICK_JOB}, with as little noise as a budget can be booked for. */
export const QUICK_EVALUATION = JSON.stringify({
  name: 'how-good',
  kind: 'evaluation',
  model: { job: 'quick' },
  evaluation: { rowsPerClient: 2, scoreBins: 4, calibrationBins: 0 },
  cohort: { samplingRate: 1, minimum: 5, maximum: 8, survivorFraction: 0.8, corruptFraction: 0 },
  privacy: { epsilon: 40, delta: 1e-2 },
});

/** Has the clients of a coordinator train a model and evaluate it, each to the end. */
export async function trainAndEvaluate(coordinator: TestCoordinator): Promise<void> {
  for (const [name, job] of [
    ['quick', QUICK_JOB],
    ['how-good', QUICK_EVALUATION],
  ] as const) {
    const { status, text } = await coordinator.ask('submitJob', { body: { job } });
    if (status >= 300) throw new Error(text);
    await eventually(async () => {
      const { json } = await coordinator.ask('showJob', { named: name });
      return (json as { status: string }).status === 'finished' ? name : undefined;
    });
  }
}
