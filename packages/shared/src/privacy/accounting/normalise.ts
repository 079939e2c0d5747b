import { Refusal } from '../../errors.js';
import {
  fitsShares,
  privacyEventSchema,
  type BaseEvent,
  type PoissonSampledEvent,
  type PrivacyEvent,
  type Protection,
  type SampledWithoutReplacementEvent,
} from './events.js';

/** An event that is no composition: one use of a mechanism, sampled or not. */
export type SingleEvent = BaseEvent | PoissonSampledEvent | SampledWithoutReplacementEvent;

/** `count` uses of one event. */
export interface Uses {
  readonly event: SingleEvent;
  readonly count: number;
  /** The event's canonical form. */
  readonly key: string;
}

/**
 * One text for one event, whatever the order in which its properties were written: JSON with sorted names.
 * Two events with the same canonical form cost the same.
 */
export function canonicalForm(event: PrivacyEvent): string {
  return JSON.stringify(event, (_name, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

/**
 * Flattens compositions and repetitions into distinct single events with their counts, in canonical order. Composition is
 * a sum, so neither order nor nesting matters.
 *
 * @throws Refusal `privacy.mixed-relations` when the parts protect different things: their composition states nothing.
 */
export function usesOf(events: PrivacyEvent | readonly PrivacyEvent[]): readonly Uses[] {
  const known = knownUses.get(events);
  if (known !== undefined) return known;
  const found = flattened(events);
  knownUses.set(events, found);
  return found;
}

/** Events never change: of one that a whole cohort is charged with, its uses are found once. */
const knownUses = new WeakMap<PrivacyEvent | readonly PrivacyEvent[], readonly Uses[]>();

function flattened(events: PrivacyEvent | readonly PrivacyEvent[]): readonly Uses[] {
  const uses = new Map<string, { event: SingleEvent; count: number; key: string }>();
  const add = (event: PrivacyEvent, count: number): void => {
    if (count === 0) return;
    if (event.kind === 'composed') {
      for (const part of event.events) add(part, count);
      return;
    }
    if (event.kind === 'repeated') {
      add(event.event, count * event.count);
      return;
    }
    checkShares(event);
    const key = canonicalForm(event);
    const known = uses.get(key);
    if (known) known.count += count;
    else uses.set(key, { event, count, key });
  };
  for (const event of isList(events) ? events : [events]) add(event, 1);
  const list = [...uses.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  protectionOf(list.map((use) => use.event));
  return list;
}

function checkShares(event: SingleEvent): void {
  const shared = mechanismsOf([event]).find(
    (mechanism) =>
      (mechanism.kind === 'skellam' || mechanism.kind === 'distributed-discrete-gaussian') &&
      !fitsShares(mechanism),
  );
  if (shared === undefined) return;
  throw new Refusal(
    'privacy.unsupported-event',
    'Shares of noise are accounted for under add-or-remove of clients, where the neighbour would lack a share.',
    'State the relation zero-out.',
  );
}

/**
 * What the events protect, all alike and as `known` does; undefined when nothing is said about it.
 *
 * @throws Refusal `privacy.mixed-relations`
 */
export function protectionOf(events: readonly PrivacyEvent[], known?: Protection): Protection | undefined {
  let found = known;
  for (const { relation, unit } of mechanismsOf(events)) {
    if (found && (found.relation !== relation || found.unit !== unit)) {
      throw new Refusal(
        'privacy.mixed-relations',
        `The events protect different things: ${found.unit} under ${found.relation}, and ${unit} under ${relation}.`,
        'Compose only events with one unit of privacy and one neighbouring relation, and state the others apart.',
      );
    }
    found = { relation, unit };
  }
  return found;
}

function mechanismsOf(events: readonly PrivacyEvent[]): readonly BaseEvent[] {
  return events.flatMap((event) => {
    if (event.kind === 'composed') return mechanismsOf(event.events);
    if ('event' in event) return mechanismsOf([event.event]);
    return [event];
  });
}

/**
 * Checks an event that comes from outside.
 *
 * @throws Refusal `privacy.invalid-event`, naming the place in the event.
 */
export function parseEvent(input: unknown): PrivacyEvent {
  const result = privacyEventSchema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const place = issue && issue.path.length > 0 ? issue.path.join('.') : 'the event';
  throw new Refusal(
    'privacy.invalid-event',
    `Not a privacy event: ${place}: ${issue?.message ?? 'unknown problem'}.`,
    'Write the event with the properties that its kind has, and no others.',
  );
}

function isList(events: PrivacyEvent | readonly PrivacyEvent[]): events is readonly PrivacyEvent[] {
  return Array.isArray(events);
}
