import type { PrivacyEvent, Protection } from './events.js';
import { gaussianDistanceSquared } from './gaussian.js';
import { protectionOf, usesOf, type SingleEvent, type Uses } from './normalise.js';
import { pureEpsilon } from './pure.js';

/** Events gathered by kind: all unsampled Gaussians are one, whose squared distances add; the others keep their counts. */
export class GatheredUses {
  private distanceSquared = 0;
  private pure = 0;
  private noiseless = false;
  private protection: Protection | undefined;
  private readonly rest = new Map<string, { event: SingleEvent; count: number; key: string }>();

  add(event: PrivacyEvent, times: number): void {
    const uses = usesOf(event);
    this.protection = protectionOf(
      uses.map((use) => use.event),
      this.protection,
    );
    for (const { event: single, count, key } of uses) {
      const more = count * times;
      if (more === 0 || costsNothing(single)) continue;
      this.pure += more * pureEpsilon(single);
      if (hidesNothing(single)) {
        this.noiseless = true;
        continue;
      }
      const distanceSquared = gaussianDistanceSquared(single);
      if (distanceSquared !== undefined) {
        this.distanceSquared += more * distanceSquared;
        continue;
      }
      const known = this.rest.get(key);
      if (known) known.count += more;
      else this.rest.set(key, { event: single, count: more, key });
    }
  }

  /** m of the one Gaussian that all unsampled Gaussians amount to. */
  get gaussianDistance(): number {
    return Math.sqrt(this.distanceSquared);
  }

  /** The sum of the parts' epsilons at delta = 0. */
  get pureEpsilon(): number {
    return this.pure;
  }

  /** Whether there is an event without any noise. Sampled or not, it counts as an infinite loss. */
  get hidesNothing(): boolean {
    return this.noiseless;
  }

  /** What is no unsampled Gaussian. */
  get others(): readonly Uses[] {
    return [...this.rest.values()];
  }
}

function costsNothing(event: SingleEvent): boolean {
  return pureEpsilon(event) === 0 || gaussianDistanceSquared(event) === 0;
}

function hidesNothing(event: PrivacyEvent): boolean {
  if (gaussianDistanceSquared(event) === Infinity) return true;
  switch (event.kind) {
    case 'laplace':
      return event.noiseScale === 0;
    case 'discrete-gaussian':
    case 'skellam':
      return event.variance === 0;
    case 'distributed-discrete-gaussian':
      return event.localVariance === 0;
    case 'poisson-sampled':
    case 'sampled-without-replacement':
    case 'repeated':
      return hidesNothing(event.event);
    case 'composed':
      return event.events.some(hidesNothing);
    default:
      return false;
  }
}
