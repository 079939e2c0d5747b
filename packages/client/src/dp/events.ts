import type { PrivacyEvent } from '@tutti/shared/privacy';

/** What one step costs: Gaussian noise on the sum over a Poisson-sampled batch. */
export function stepEvent(samplingRate: number, noiseMultiplier: number): PrivacyEvent {
  return {
    kind: 'poisson-sampled',
    rate: samplingRate,
    event: { kind: 'gaussian', noiseMultiplier, relation: 'add-or-remove', unit: 'example' },
  };
}
