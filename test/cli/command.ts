import type { RoundRecord, RunSummary } from '@tutti/shared/protocol';
import type { SimulationEvent } from '@tutti/simulation';
import { runCommand } from '../../packages/cli/src/program.js';
import type { Engine } from '../../packages/cli/src/verbs/simulate.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Stage {
  readonly terminal?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly engine?: Engine;
  /** Receives what interrupts the command. */
  readonly interrupter?: (interrupt: () => void) => void;
  readonly onExit?: (code: number) => void;
  /** Receives what is written, as it is. */
  readonly written?: (text: string) => void;
}

/** Runs a command line against captured streams. */
export async function run(argv: readonly string[], stage: Stage = {}): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written) => ({
    isTTY: stage.terminal ?? false,
    columns: 100,
    write(text: string) {
      written[name] += text;
      stage.written?.(text);
      return true;
    },
    // cli-progress moves the cursor through node:readline, which asks for these.
    on: () => undefined,
    once: () => undefined,
  });
  const code = await runCommand(
    argv,
    {
      stdout: output('stdout'),
      stderr: output('stderr'),
      environment: stage.environment ?? {},
      onInterrupt(listener) {
        stage.interrupter?.(listener);
        return () => stage.interrupter?.(() => undefined);
      },
      exit: stage.onExit ?? (() => undefined),
    },
    () => Promise.resolve(stage.engine ?? refusingEngine),
  );
  return { code, ...written };
}

const refusingEngine: Engine = {
  simulate: () => Promise.reject(new Error('no run was expected')),
  resume: () => Promise.reject(new Error('no run was expected')),
};

export function roundRecord(round: number, changes: Partial<RoundRecord> = {}): RoundRecord {
  return {
    round,
    attempt: 0,
    outcome: 'completed',
    selected: 42,
    roster: 40,
    sharers: 39,
    survivors: 37,
    lost: { advertise: 2, share: 1, input: 2, unmask: 0 },
    loss: 2.3 / round,
    accuracy: 1 - 0.9 / round,
    epsilon: { releasedModel: 1 + round / 10, coordinator: 4 + round },
    milliseconds: { train: 120, share: 80, input: 60, unmask: 90, evaluate: 3, total: 353 },
    modelHash: 'ab'.repeat(32),
    ...changes,
  };
}

export function runSummary(changes: Partial<RunSummary> = {}): RunSummary {
  return {
    run: 'digits-1',
    job: 'digits',
    stopped: 'rounds',
    rounds: 3,
    aborted: 0,
    clients: 500,
    accuracy: 0.891,
    loss: 0.412,
    epsilon: { releasedModel: 4.98, coordinator: 31.2 },
    delta: 2e-4,
    noiseMultiplier: 1.016,
    backend: 'arrays',
    transport: 'memory',
    seeded: false,
    modelHash: 'cd'.repeat(32),
    seconds: 42.4,
    directory: 'runs/digits-1',
    ...changes,
  };
}

export const prepared = {
  kind: 'prepared' as const,
  run: 'digits-1',
  directory: 'runs/digits-1',
  clients: 500,
  parameters: 650,
  backend: 'arrays',
  transport: 'memory',
  seeded: false,
  rounds: 3,
  completed: 0,
  noiseMultiplier: 1.016,
  delta: 2e-4,
} satisfies SimulationEvent;

/** An engine that reports the given rounds and ends with the given summary. */
export function scriptedEngine(
  rounds: readonly RoundRecord[] = [roundRecord(1), roundRecord(2), roundRecord(3)],
  summary = runSummary(),
): Engine & { readonly calls: unknown[] } {
  const calls: unknown[] = [];
  const play = (options: { observe?: (event: SimulationEvent) => void }) => {
    calls.push(options);
    options.observe?.({ ...prepared, seeded: summary.seeded });
    for (const record of rounds) options.observe?.({ kind: 'round', record });
    options.observe?.({ kind: 'finished', summary });
    return Promise.resolve(summary);
  };
  return { calls, simulate: play, resume: play };
}
