import type { Examples } from '@tutti/client/training';
import type { DenseNetwork } from '@tutti/shared/learning';
import { rowOf, type MembershipAttack } from './attack.js';

/**
 * Accuses whoever the model is sure about, whatever the label: the simplest attack there is (Salem et al., "ML-Leaks", NDSS 2019, arXiv
 * 1806.01246, adversary 3). A model that generalises is sure about everybody, so that it says little.
 */
export class ConfidenceThreshold implements MembershipAttack {
  readonly name = 'Confidence threshold';
  readonly paper = 'Salem et al. 2019';

  /** @param confidence - above which a row is accused */
  constructor(private readonly confidence = 0.9) {}

  scores(network: DenseNetwork, rows: Examples): Float64Array {
    return Float64Array.from({ length: rows.count }, (_, row) =>
      network
        .probabilities(rowOf(rows, row, network.spec.inputs))
        .reduce((largest, probability) => Math.max(largest, probability), 0),
    );
  }

  threshold(): number {
    return this.confidence;
  }
}
