/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import { layoutOf, type ModelSpec } from '@tutti/shared/learning';

/**
 * Reads a row off an update: what one row adds to a unit's kernel in the first layer is the row times what it adds to the unit's bias, so that their
 * quotient is the row itself, step after step (Geiping, Bauermeister, Dröge and Moeller, "Inverting gradients", NeurIPS 2020, arXiv
 * 2003.14053, proposition 3.1; Phong et al. 2017). Exact where the update is of one row; a mixture where it is of several.
 */
export class FirstLayerRecovery {
  readonly name = 'Quotient of the first layer';
  readonly paper = 'Geiping et al. 2020, proposition 3.1';

  constructor(private readonly spec: ModelSpec) {}

  /** @param update - or gradient: a vector in the order of the weights */
  recover(update: ArrayLike<number>): Float64Array {
    const first = layoutOf(this.spec).layers[0]!;
    let unit = 0;
    for (let o = 1; o < first.units; o++) {
      if (Math.abs(update[first.bias + o]!) > Math.abs(update[first.bias + unit]!)) unit = o;
    }
    const quotient = update[first.bias + unit]!;
    return Float64Array.from(
      { length: first.inputs },
      (_, i) => update[first.kernel + i * first.units + unit]! / (quotient === 0 ? 1 : quotient),
    );
  }
}
