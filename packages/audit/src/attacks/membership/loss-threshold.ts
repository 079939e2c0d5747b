import type { Examples } from '@tutti/client/training';
import type { DenseNetwork } from '@tutti/shared/learning';
import { rowOf, type MembershipAttack, type MembershipTarget } from './attack.js';

/**
 * Accuses whoever the model gets right more surely than its training rows on average: Yeom, Giacomelli, Fredrikson and Jha, "Privacy risk in machine
 * learning: analyzing the connection to overfitting", CSF 2018 (arXiv 1709.01604), Adversary 1.
 */
export class LossThreshold implements MembershipAttack {
  readonly name = 'Loss threshold';
  readonly paper = 'Yeom et al. 2018';

  scores(network: DenseNetwork, rows: Examples): Float64Array {
    return Float64Array.from(
      { length: rows.count },
      (_, row) => -network.loss(rowOf(rows, row, network.spec.inputs), rows.labels[row] ?? 0),
    );
  }

  /** Minus the mean training loss. */
  threshold({ network, members }: MembershipTarget): number {
    return this.scores(network, members).reduce((sum, score) => sum + score, 0) / members.count;
  }
}
