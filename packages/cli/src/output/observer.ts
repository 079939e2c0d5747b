import type { SimulatedJob, AnyRunSummary } from '@tutti/shared/protocol';
import type { SimulationEvent } from '@tutti/simulation';
import { isTerminal } from './palette.js';
import { logObserver } from './log.js';
import { terminalObserver } from './terminal.js';
import type { Surroundings } from '../surroundings.js';

/** Shows a run while it goes on. */
export interface RunObserver {
  /** The input was read; the engine is about to be loaded. */
  begin(what: { readonly job: SimulatedJob } | { readonly resumed: string }): void;
  observe(event: SimulationEvent): void;
  /** What the run came to. */
  end(summary: AnyRunSummary): void;
  /** The user asked to stop; the run ends after what it is doing. */
  interrupted(): void;
  /** The run can be continued by this command. */
  resumable(command: string): void;
  /** Gives the terminal back. Called last, also where the run failed. */
  close(): void;
}

/**
 * A progress bar on a terminal, JSON lines on anything else. Where stdout is kept for the summary (`--json`), both go
 * to stderr.
 */
export function runObserver(json: boolean, { stdout, stderr, environment }: Surroundings): RunObserver {
  const output = json ? stderr : stdout;
  return isTerminal(output, environment) ? terminalObserver(output, environment) : logObserver(output);
}
