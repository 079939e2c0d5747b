import type { EncodingPlan } from '@tutti/shared/privacy';
import { roundParameters, type RoundReference } from '@tutti/shared/protocol';
import { SecAggCoordinator, type CoordinatorOptions, type RoundParameters } from '@tutti/shared/secagg';
import { cohortPurpose, drawCohort } from './cohort.js';
import type { JobRunnerOptions } from './job-runner-options.js';
import { RoundEngine, type AttemptOutcome, type Debit, type Resumed } from './round-engine.js';
import { RoundLog, type InterruptedRound } from './round-log.js';

/** Which attempt it is, and of what. */
export interface AttemptSubject {
  readonly plan: EncodingPlan;
  readonly reference: RoundReference;
  /** SHA-256, hex, of the model that the clients train. */
  readonly model: string;
  /** Clients that keep their place in the draw, and are not drawn. */
  readonly excluded: ReadonlySet<string>;
  /** Makes the cost of the sum durable. */
  readonly debit: (debit: Debit) => Promise<void>;
}

export interface EndedAttempt {
  /** Clients that were drawn. */
  readonly cohort: readonly string[];
  readonly outcome: AttemptOutcome;
}

interface Opened {
  readonly machine: SecAggCoordinator;
  readonly cohort: readonly string[];
  readonly parameters: RoundParameters;
  readonly log: RoundLog | undefined;
  readonly resumed?: Resumed;
}

/** One attempt at a round, from its draw to its end. */
export class Attempt {
  constructor(
    private readonly options: JobRunnerOptions,
    private readonly subject: AttemptSubject,
  ) {}

  /** Draws a cohort and opens the round. */
  async begin(): Promise<EndedAttempt> {
    const { job, population, random, store, files } = this.options;
    const { reference, excluded } = this.subject;
    const draw = random(cohortPurpose(reference));
    const cohort = drawCohort(await population(), job.cohort.samplingRate, draw, excluded);
    const least = Math.max(3, job.cohort.minimum);
    if (cohort.length < least || cohort.length > job.cohort.maximum) {
      const code = cohort.length < least ? 'round.cohort-too-small' : 'round.cohort-too-large';
      return { cohort, outcome: endedBefore('draw', code, false) };
    }
    const parameters = this.parameters();
    const machine = new SecAggCoordinator(this.machineOptions(parameters));
    const log = files && (await RoundLog.begin({ store, files, reference }, { cohort, parameters }));
    return { cohort, outcome: await this.engine({ machine, cohort, parameters, log }).run() };
  }

  /**
   * Goes on with what another runner left in the middle.
   * @param charged - whether the ledger holds its cost already
   */
  async goOn(interrupted: InterruptedRound, charged: boolean): Promise<EndedAttempt> {
    const { cohort, parameters, records, log } = interrupted;
    const last = records.at(-1);
    if (last?.kind === 'aborted') return { cohort, outcome: endedBefore(last.phase, last.code, charged) };
    let machine: SecAggCoordinator;
    try {
      machine = await SecAggCoordinator.restore(this.machineOptions(parameters), records);
    } catch {
      return { cohort, outcome: endedBefore('restart', 'round.log-damaged', charged) };
    }
    const advertised = records.flatMap((record) =>
      record.kind === 'message' && record.type === 'advert' ? [record.from] : [],
    );
    const resumed = { charged, advertised };
    return { cohort, outcome: await this.engine({ machine, cohort, parameters, log, resumed }).run() };
  }

  private engine({ machine, cohort, parameters, log, resumed }: Opened): RoundEngine {
    const { reference, model, debit } = this.subject;
    const { sessions, now, phaseDeadline, grace, groupCommit, observe, signal } = this.options;
    return new RoundEngine({
      machine,
      reference,
      model,
      cohort,
      sessions,
      now,
      phaseDeadline,
      grace,
      entered: (phase) => {
        const { round, attempt } = reference;
        observe?.({ round, attempt, phase, selected: cohort.length });
      },
      deadlines: parameters.deadlines,
      debit,
      ...(log && { log }),
      ...(signal && { signal }),
      ...(groupCommit !== undefined && { groupCommit }),
      ...(resumed && { resumed }),
    });
  }

  private parameters(): RoundParameters {
    const { job, primitives, groupId, phaseDeadline, now } = this.options;
    const { plan, reference, model } = this.subject;
    const opened = now();
    return roundParameters(primitives, {
      job,
      plan,
      reference,
      modelHash: model,
      groupId,
      revocationVersion: this.options.revocations?.()?.version ?? 0,
      deadlines: {
        advertise: opened + phaseDeadline,
        revealSeed: opened + 2 * phaseDeadline,
        share: opened + 3 * phaseDeadline,
        input: opened + 4 * phaseDeadline,
        consistency: opened + 5 * phaseDeadline,
        unmask: opened + 6 * phaseDeadline,
      },
    });
  }

  private machineOptions(parameters: RoundParameters): CoordinatorOptions {
    const { primitives, signingKey, authority, expander } = this.options;
    const revocations = this.options.revocations?.();
    return {
      primitives,
      signingKey,
      authority,
      parameters,
      ...(revocations && { revocations }),
      ...(expander && { expander }),
    };
  }
}

/** An attempt that an engine did not run to its end. */
function endedBefore(phase: string, code: string, charged: boolean): AttemptOutcome {
  return {
    kind: 'aborted',
    code,
    phase,
    charged,
    roster: 0,
    sharers: 0,
    survivors: 0,
    responders: 0,
    milliseconds: {},
    refusals: new Map(),
    declined: {},
  };
}
