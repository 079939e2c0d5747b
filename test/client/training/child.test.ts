import { afterEach, describe, expect, it } from 'vitest';
import {
  createChildTrainer,
  createTrainer,
  publicGenerator,
  type BackendChoice,
  type ChildTrainerOptions,
  type Trainer,
} from '@tutti/client/training';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import { clusters, specOf } from './support/models.js';

const spec = specOf({ inputs: 4, classes: 3, hidden: [{ units: 5, activation: 'relu' }] });
const examples = clusters(30, 4, 3);
const settings = { epochs: 2, batchSize: 8, learningRate: 0.1 };
const endless = { ...settings, epochs: 100_000 };

const opened: Trainer[] = [];
const pids: number[] = [];

async function child(backend: BackendChoice = 'arrays', options: ChildTrainerOptions = {}): Promise<Trainer> {
  const trainer = await createChildTrainer(spec, backend, {
    started: (pid) => pids.push(pid),
    ...options,
  });
  opened.push(trainer);
  return trainer;
}

afterEach(() => {
  for (const trainer of opened.splice(0)) trainer.dispose();
  pids.length = 0;
});

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Resolves when the process has ended. */
async function gone(pid: number): Promise<void> {
  while (runs(pid)) await new Promise((resolve) => setImmediate(resolve));
}

describe('a trainer in a process of its own', () => {
  it.each(['arrays', 'wasm'] as const)(
    'gives what one in this process gives, bit for bit, on %s',
    async (backend) => {
      const [here, there] = [await createTrainer(spec, backend), await child(backend)];
      expect(there.backend).toBe(backend);
      expect(there.parameters).toBe(here.parameters);
      const start = there.initialWeights();
      expect(start).toEqual(here.initialWeights());
      const [expected, actual] = await Promise.all(
        [here, there].map((trainer) => trainer.train(start, examples, settings, publicGenerator(3))),
      );
      expect(actual).toEqual(expected);
      expect(await there.evaluate(start, examples)).toEqual(await here.evaluate(start, examples));
      expect(await there.predict!(start, examples)).toEqual(await here.predict!(start, examples));
    },
  );

  it('goes when it is idle, and another comes when there is work', async () => {
    const trainer = await child('arrays', { idleAfter: 0 });
    await gone(pids[0]!);
    const start = trainer.initialWeights();
    const trained = await trainer.train(start, examples, settings, publicGenerator(3));
    expect(pids).toHaveLength(2);
    await gone(pids[1]!);
    const here = await createTrainer(spec, 'arrays');
    expect(trained).toEqual(await here.train(start, examples, settings, publicGenerator(3)));
  });

  it('tells how far it is, and ends with its signal', async () => {
    const trainer = await child();
    const abort = new AbortController();
    const start = trainer.initialWeights();
    const stopped = trainer.train(start, examples, endless, publicGenerator(3), {
      signal: abort.signal,
      progress: ({ epoch }) => {
        if (epoch === 5) abort.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    await gone(pids[0]!);
    expect((await trainer.train(start, examples, settings, publicGenerator(3))).length).toBe(
      trainer.parameters,
    );
  });

  it('says so when its process dies, and goes on with another', async () => {
    const trainer = await child();
    const start = trainer.initialWeights();
    const lost = trainer.train(start, examples, endless, publicGenerator(3), {
      progress: ({ epoch }) => {
        if (epoch === 1) process.kill(pids[0]!, 'SIGKILL');
      },
    });
    await expect(lost).rejects.toThrow(expect.objectContaining({ code: 'training.process' }));
    await expect(lost).rejects.toThrow('SIGKILL');
    await trainer.train(start, examples, settings, publicGenerator(3));
    expect(pids).toHaveLength(2);
  });

  it('passes on what the trainer throws, with its class', async () => {
    const trainer = await child();
    const wrong = { ...settings, learningRate: -1 };
    const refused = trainer.train(trainer.initialWeights(), examples, wrong, publicGenerator(1));
    await expect(refused).rejects.toThrow(TuttiError);
    await expect(refused).rejects.not.toThrow(Refusal);
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'training.settings' }));
    expect(pids).toHaveLength(1);
  });

  it('says at once when the program cannot be run, and leaves no process', async () => {
    await expect(child('arrays', { program: new URL('./absent.js', import.meta.url) })).rejects.toThrow(
      expect.objectContaining({ code: 'training.process' }),
    );
    await gone(pids[0]!);
  });

  it('ends what it does when it is disposed of', async () => {
    const trainer = await child();
    const lost = trainer.train(trainer.initialWeights(), examples, endless, publicGenerator(3), {
      progress: ({ epoch }) => {
        if (epoch === 1) trainer.dispose();
      },
    });
    await expect(lost).rejects.toThrow(expect.objectContaining({ code: 'training.process' }));
    await gone(pids[0]!);
  });

  it('protects each example there, with noise that it draws by itself', async () => {
    const protection = { clipNorm: 1, noiseMultiplier: 1, batchRate: 0.2, steps: 5, expectedBatch: 6 };
    const trainer = await child('wasm', { protection });
    const never = () => {
      throw new Error('Nothing is drawn for it here.');
    };
    const start = trainer.initialWeights();
    const [one, two] = [
      await trainer.train(start, examples, settings, never),
      await trainer.train(start, examples, settings, never),
    ];
    expect(one).not.toEqual(two);
    expect(one.every(Number.isFinite)).toBe(true);
  });

  it('takes its part of a step whose noise is shared there, from a batch that it draws by itself', async () => {
    const protection = {
      noise: 'shared',
      clipNorm: 1,
      batchRate: 1,
      expectedBatch: 6,
      learningRate: 0.5,
      updateNorm: 3,
    } as const;
    const trainer = await child('wasm', { protection });
    const here = await createTrainer(spec, 'wasm', undefined, protection);
    const start = trainer.initialWeights();
    expect(await trainer.step!(start, examples)).toEqual(await here.step!(start, examples));
    here.dispose();
  });
});
