import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { ModelSpec } from '@tutti/shared/learning';
import type { BackendChoice } from '../create-trainer.js';
import { foreseeDraws } from '../draws.js';
import { Serial } from '../serial.js';
import type {
  ExampleProtection,
  Examples,
  PersonalWeights,
  SharedProtection,
  Trainer,
  TrainingControl,
} from '../trainer.js';
import type { Opened } from './messages.js';
import { TrainingProcess } from './training-process.js';

export interface ChildTrainerOptions {
  /** Milliseconds without work after which the process is ended; the next call starts another. Default: 10,000. */
  readonly idleAfter?: number;
  /** The program of the process: the built `main.js`, unless a test says otherwise. */
  readonly program?: URL;
  /** Of kind `layers`: `model.json` and its weight files in one piece. */
  readonly model?: Uint8Array;
  /** Of each example, in every training. The process draws its noise from the operating system's generator and no other. */
  readonly protection?: ExampleProtection | SharedProtection;
  /** Told the process id of each process that is started. */
  readonly started?: (pid: number) => void;
}

interface Running {
  readonly process: TrainingProcess;
  readonly opened: Promise<Opened>;
}

/**
 * A trainer whose model lives in a process of its own: the event loop of the caller stays free, TensorFlow.js is loaded there alone, and its memory goes when
 * there is nothing to train. It gives the weights that {@link createTrainer} gives, bit for bit.
 *
 * Calls run one after the other. A signal ends the process within a step.
 *
 * @throws as {@link createTrainer}, and TuttiError `training.process` when the process dies
 */
export async function createChildTrainer(
  spec: ModelSpec,
  backend: BackendChoice,
  options: ChildTrainerOptions = {},
): Promise<Trainer> {
  const { idleAfter = 10_000, program = builtProgram() } = options;
  const serial = new Serial();
  let running: Running | undefined;
  let idle: NodeJS.Timeout | undefined;

  // As a trainer of this process has it: personal weights belong to the rows that they were trained on.
  const keptPersonal = new WeakMap<Examples, Float32Array>();
  const kept = (examples: Examples): PersonalWeights => ({
    read: () => keptPersonal.get(examples),
    write: (weights) => void keptPersonal.set(examples, weights),
  });
  const start = (): Running => {
    const process = new TrainingProcess(program);
    if (process.pid !== undefined) options.started?.(process.pid);
    const { model, protection } = options;
    return { process, opened: process.call('open', { spec, backend, model, protection }) };
  };
  const stop = (reason?: unknown): void => {
    clearTimeout(idle);
    running?.process.kill(reason);
    running = undefined;
  };
  const run = <T>(work: (running: Running) => Promise<T>, signal?: AbortSignal): Promise<T> =>
    serial.run(async () => {
      signal?.throwIfAborted();
      clearTimeout(idle);
      const current = running?.process.alive === true ? running : start();
      running = current;
      const abort = (): void => stop(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      try {
        await current.opened;
        return await work(current);
      } finally {
        signal?.removeEventListener('abort', abort);
        idle = setTimeout(stop, idleAfter);
        idle.unref();
      }
    });

  const { backend: computing, initialWeights } = await run(({ opened }) => opened).catch((error: unknown) => {
    stop();
    throw error;
  });
  return {
    backend: computing,
    parameters: initialWeights.length,
    protection: options.protection,
    initialWeights: () => initialWeights.slice(),
    train(
      weights,
      examples,
      settings,
      uniform,
      { signal, progress, personal = kept(examples) }: TrainingControl = {},
    ) {
      // Who is in a batch is drawn where the noise is.
      const draws =
        options.protection === undefined
          ? foreseeDraws(examples.count, settings, uniform)
          : new Float64Array(0);
      return run(async ({ process }) => {
        const takes = { weights, examples, settings, draws, personal: personal.read() };
        const gives = await process.call('train', takes, progress);
        if (gives.personal !== undefined) personal.write(gives.personal);
        return gives.trained;
      }, signal);
    },
    evaluate: (weights, examples, personal = kept(examples)) =>
      run(({ process }) => process.call('evaluate', { weights, examples, personal: personal.read() })),
    // A trainer that protects each example is made to train, and nothing else is asked of it.
    ...(options.protection === undefined && {
      predict: (weights: Float32Array, examples: Examples, personal = kept(examples)) =>
        run(({ process }) => process.call('predict', { weights, examples, personal: personal.read() })),
    }),
    ...(options.protection !== undefined &&
      'noise' in options.protection && {
        step: (weights: Float32Array, examples: Examples, { signal }: TrainingControl = {}) =>
          run(({ process }) => process.call('step', { weights, examples }), signal),
      }),
    dispose: () => stop(),
  };
}

/** By the package's own name, so that sources that are run as they are find what was built: Node reads no TypeScript there. */
function builtProgram(): URL {
  return pathToFileURL(createRequire(import.meta.url).resolve('@tutti/client/training-process'));
}
