import { describe, expect, it } from 'vitest';
import type { LedgerEvent } from '@tutti/shared/privacy';
import type { JobInput } from '@tutti/shared/protocol';
import type { CoordinatorRecord, MessageType, Phase } from '@tutti/shared/secagg';
import { live, remains, type Life } from '../../support/coordinator-life.js';
import { TestFederation } from '../../support/federation.js';
import type { Death, Written } from '../../support/mortal-database.js';
import { temporaryDirectoryInMemory } from '../../support/temporary.js';

/** What clients are sent, and a coordinator has no record of; the rest is what it hears, and records. */
type Said = 'round-open' | 'roster' | 'seeds' | 'inbox' | 'survivors' | 'quorum' | 'result' | 'abort';

/** Everything that a coordinator writes down in a round, as it is named in the database. Whatever is added to the types is added here. */
type Step =
  | `record ${'opened' | Exclude<CoordinatorRecord['kind'], 'message' | 'decision'>}`
  | `message ${Exclude<MessageType, Said>}`
  | `decision ${Exclude<Phase, 'finished' | 'aborted'>}`
  | `ledger ${Exclude<LedgerEvent['kind'], 'job-closed' | 'canaries-committed' | 'erasure'>}`;

/** More vectors than a log keeps apart, and a cohort that may be large enough for a ring, whose seed is revealed. */
const CLIENTS = 9;
const job: Partial<JobInput> = {
  rounds: 1,
  cohort: { minimum: 6, maximum: 129, samplingRate: 1, survivorFraction: 0.8 },
};

/** After all signatures have come one client alone comes back, and too late: the round is given up when it has been paid for. */
const late: Life = { clients: [0], choices: { now: () => Date.now() + 3_600_000 } };

interface Scene {
  /** Before the coordinator that dies at the step. */
  readonly earlier: readonly Life[];
  /** How the coordinator lives that dies, and those that follow it. */
  readonly life: Life;
  readonly end: 'round-completed' | 'round-aborted';
}

const summed: Scene = { earlier: [], life: {}, end: 'round-completed' };
const givenUp: Scene = {
  earlier: [{ death: { write: holding('decision consistency'), when: 'after' } }],
  life: late,
  end: 'round-aborted',
};

/** Where each step is met. A step that the types know and that is not here does not compile; one that is here and is never written fails. */
const SCENES: Record<Step, Scene> = {
  'record opened': summed,
  'record snapshot': summed,
  'record aborted': givenUp,
  'message advert': summed,
  'message seed-reveal': summed,
  'message shares': summed,
  'message masked': summed,
  'message consistency': summed,
  'message reveal': summed,
  'decision advertise': summed,
  'decision reveal-seed': summed,
  'decision share': summed,
  'decision input': summed,
  'decision consistency': summed,
  'decision unmask': summed,
  'ledger job-opened': summed,
  'ledger round-debited': summed,
  'ledger round-completed': summed,
  'ledger round-aborted': givenUp,
};

/** Tells a write that has a step in it. */
function holding(step: Step): (written: Written) => boolean {
  const [sort, name] = step.split(' ');
  return (written) =>
    written.some((value) => {
      if (typeof value !== 'string' || !value.startsWith('{')) return false;
      const { record, event } = JSON.parse(value) as Partial<
        Record<'record' | 'event', Record<string, string>>
      >;
      switch (sort) {
        case 'ledger':
          return event?.['kind'] === name;
        case 'message':
          return record?.['kind'] === sort && record['type'] === name;
        case 'decision':
          return record?.['kind'] === sort && record['phase'] === name;
        default:
          return record?.['kind'] === name;
      }
    });
}

/** What is left of the round whose coordinators live these lives, one after the other. */
async function after(lives: readonly Life[]) {
  const federation = await TestFederation.create({ seed: 'every record', clients: CLIENTS, job });
  const directory = await temporaryDirectoryInMemory();
  const lived = [];
  for (const life of lives) lived.push(await live(federation, directory, life));
  const { chain, modelHash, debits, ends, spent, log, files } = await remains(federation, directory);
  return {
    died: lived.map(({ died }) => died),
    found: {
      chain: chain.ok,
      modelHash,
      debits,
      // Whoever finds an attempt given up makes the next one.
      ends: ends.filter(({ attempt }) => attempt === 0),
      spent,
      log,
      files,
    },
  };
}

describe('every record of a round', () => {
  it.each(Object.entries(SCENES) as [Step, Scene][])(
    'is one that a coordinator may die at, before it is durable and after: %s',
    async (step, { earlier, life, end }) => {
      const { found: undisturbed } = await after([...earlier, life]);
      expect(undisturbed).toMatchObject({
        chain: true,
        debits: ['1.0'],
        ends: [{ kind: end }],
        log: undefined,
        files: [],
      });
      for (const when of ['before', 'after'] as const) {
        const death: Death = { write: holding(step), when };
        const { died, found } = await after([...earlier, { ...life, death }, life]);
        expect({ when, died }).toEqual({ when, died: [...earlier.map(() => true), true, false] });
        expect({ when, ...found }).toEqual({ when, ...undisturbed });
      }
    },
  );
});
