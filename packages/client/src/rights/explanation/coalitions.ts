/* eslint-disable @typescript-eslint/no-non-null-assertion -- loop limits bound every index */
import type { Background } from './background.js';
import type { Groups, Predict, Row } from './model.js';

/** Which groups of features are the row's own: one byte a group, 1 or 0. */
export type Coalition = Uint8Array;

/** Rows that are predicted at once. */
const BATCH = 4096;

/**
 * The worth of each coalition: the mean score where its groups are the row's own and all others a background row's, over the
 * background (the interventional value of Lundberg and Lee 2017; Janzing, Minorics and Blöbaum 2020).
 */
export async function coalitionValues(
  predict: Predict,
  row: Row,
  background: Background,
  groups: Groups,
  coalitions: readonly Coalition[],
): Promise<Float64Array> {
  const { rows } = background;
  const values = new Float64Array(coalitions.length);
  const atOnce = Math.max(1, Math.floor(BATCH / rows.length));
  for (let start = 0; start < coalitions.length; start += atOnce) {
    const batch = coalitions.slice(start, start + atOnce);
    const scores = await predict(
      batch.flatMap((coalition) => rows.map((other) => mixed(row, other, groups, coalition))),
    );
    for (let index = 0; index < batch.length; index++) {
      const own = scores.subarray(index * rows.length, (index + 1) * rows.length);
      values[start + index] = own.reduce((sum, score) => sum + score, 0) / rows.length;
    }
  }
  return values;
}

function mixed(row: Row, other: Row, groups: Groups, coalition: Coalition): Row {
  const result = other.slice();
  groups.forEach((features, group) => {
    if (coalition[group] === 1) for (const feature of features) result[feature] = row[feature]!;
  });
  return result;
}

/** Coalition `mask` of `players`: bit i says whether player i is in. */
export function coalitionOf(mask: number, players: number): Coalition {
  return Uint8Array.from({ length: players }, (_, player) => (mask >>> player) & 1);
}
