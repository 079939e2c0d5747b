import pino from 'pino';
import type { Output } from '../surroundings.js';
import type { RunObserver } from './observer.js';

/** One JSON line an event, in the order of the events, for programs and log collectors. */
export function logObserver(output: Output): RunObserver {
  const log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void output.write(line) },
  );
  return {
    begin(what) {
      if ('resumed' in what) log.info({ run: what.resumed }, 'going on with the run');
      else {
        const { name, rounds, simulation } = what.job;
        log.info({ job: name, clients: simulation.clients, rounds }, 'preparing the run');
      }
    },
    observe(event) {
      switch (event.kind) {
        case 'prepared': {
          const { kind, ...facts } = event;
          log.info(facts, `run ${kind}`);
          if (event.seeded) log.warn('the noise of a seeded run can be recomputed: it protects nobody');
          break;
        }
        case 'round':
          if (event.record.outcome === 'aborted') log.warn(event.record, 'round aborted');
          else log.info(event.record, 'round completed');
          break;
        case 'finished':
          break;
      }
    },
    end(summary) {
      log.info(summary, 'run finished');
    },
    interrupted() {
      log.warn('stopping after what is under way; a second interrupt stops at once');
    },
    resumable(command) {
      log.info({ command }, 'the run can be continued');
    },
    close() {
      // Each line was handed to the stream when it was written.
    },
  };
}
