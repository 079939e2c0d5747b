import type { PrivacyEvent } from './events.js';
import type { SingleEvent } from './normalise.js';
import { protectionOf } from './normalise.js';
import { unsupportedEvent } from './unsupported.js';

/**
 * Refuses the samplings that no accountant here can bound.
 *
 * @throws Refusal `privacy.unsupported-event`: Poisson sampling under `replace-one` unless `replaceOne` says that the
 * accountant can, sampling without replacement under any other relation, a sample of a sample, and a sample of a stream
 */
export function checkSampling(event: SingleEvent, accountant: string, replaceOne = false): void {
  if (event.kind !== 'poisson-sampled' && event.kind !== 'sampled-without-replacement') return;
  const refuse = (reason: string, remedy: string): never => {
    throw unsupportedEvent(accountant, event.kind, reason, remedy);
  };
  const relation = protectionOf([event])?.relation;
  if (relation !== undefined) {
    if (event.kind === 'poisson-sampled' && relation === 'replace-one' && !replaceOne) {
      refuse(
        'Poisson sampling is bounded for add-or-remove and zero-out, not for replace-one',
        'State another relation.',
      );
    }
    if (event.kind === 'sampled-without-replacement' && relation !== 'replace-one') {
      refuse(
        'sampling without replacement is bounded for replace-one only',
        'State the relation replace-one.',
      );
    }
  }
  const inner = kindsIn(event.event);
  const sampled = inner.find((kind) => kind === 'poisson-sampled' || kind === 'sampled-without-replacement');
  if (sampled !== undefined)
    refuse(`it samples from a sample (${sampled})`, 'State one sampling with the joint rate.');
  const stream = inner.find((kind) => kind === 'tree' || kind === 'matrix-factorisation');
  if (stream !== undefined) {
    refuse(
      `amplification by sampling is not proved for a stream (${stream})`,
      'Account for the stream without sampling.',
    );
  }
}

function kindsIn(event: PrivacyEvent): readonly PrivacyEvent['kind'][] {
  if (event.kind === 'composed') return [event.kind, ...event.events.flatMap(kindsIn)];
  if ('event' in event) return [event.kind, ...kindsIn(event.event)];
  return [event.kind];
}
