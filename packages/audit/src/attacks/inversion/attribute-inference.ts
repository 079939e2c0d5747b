import type { Examples } from '@tutti/client/training';
import type { DenseNetwork } from '@tutti/shared/learning';
import { rowOf } from '../membership/attack.js';

/** How often an attacker who knows all of a row but one column guesses whether that column is high or low. */
export interface AttributeResult {
  readonly name: string;
  readonly paper: string;
  readonly column: number;
  /** Share of right guesses on rows that the model was trained on, and on rows that it was not. */
  readonly members: number;
  readonly nonMembers: number;
  /** Share of right guesses without the model: always the likelier half. */
  readonly baseline: number;
}

/**
 * Attribute inference: Fredrikson, Jha and Ristenpart, "Model inversion attacks that exploit confidence information and basic countermeasures",
 * CCS 2015: of the values that the unknown column could have, the likeliest given what the model says of the row's label. What the model
 * knows about everybody shows on both kinds of rows; what it kept of its own rows is the difference (Yeom et al. 2018, section 4).
 */
export class AttributeInference {
  readonly name = 'Attribute inference';
  readonly paper = 'Fredrikson et al. 2015';

  /** @param column - the unknown one; it is guessed to lie above its median or not */
  constructor(private readonly column: number) {}

  attack(network: DenseNetwork, members: Examples, nonMembers: Examples): AttributeResult {
    const { inputs } = network.spec;
    const values = [members, nonMembers].flatMap((rows) =>
      Array.from({ length: rows.count }, (_, row) => rows.features[row * inputs + this.column] ?? 0),
    );
    const median = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
    const high = values.filter((value) => value > median);
    const low = values.filter((value) => value <= median);
    const halves = [low, high].map((half) => ({
      value: half.reduce((sum, value) => sum + value, 0) / Math.max(1, half.length),
      prior: half.length / values.length,
    }));
    const right = (rows: Examples) => {
      let hits = 0;
      for (let row = 0; row < rows.count; row++) {
        const features = rowOf(rows, row, inputs).slice();
        const truth = (features[this.column] ?? 0) > median;
        const [asLow = 0, asHigh = 0] = halves.map(({ value, prior }) => {
          features[this.column] = value;
          return prior * (network.probabilities(features)[rows.labels[row] ?? 0] ?? 0);
        });
        if (asHigh > asLow === truth) hits++;
      }
      return hits / rows.count;
    };
    return {
      ...{ name: this.name, paper: this.paper, column: this.column },
      members: right(members),
      nonMembers: right(nonMembers),
      baseline: Math.max(high.length, low.length) / values.length,
    };
  }
}
