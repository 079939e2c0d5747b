/** A point of a receiver operating characteristic. */
export interface RocPoint {
  readonly falsePositiveRate: number;
  readonly truePositiveRate: number;
}

/** How well scores tell members from others, at every threshold. */
export interface Roc {
  /** From (0, 0) to (1, 1), thinned out to some 200 points. */
  readonly roc: readonly RocPoint[];
  /** Area under the curve: 0.5 is a coin. */
  readonly auc: number;
  /** Largest true-positive rate at a false-positive rate of at most 0.1 %, and of 1 % (Carlini et al. 2022). */
  readonly tprAtThousandth: number;
  readonly tprAtHundredth: number;
}

/** @param members - scores of members, high where they look like members; at least one, as of `others` */
export function rocOf(members: Float64Array, others: Float64Array): Roc {
  const points = curve(members, others);
  const at = (rate: number) =>
    points.reduce((best, point) => (point.falsePositiveRate <= rate ? point.truePositiveRate : best), 0);
  let auc = 0;
  for (const [index, { falsePositiveRate, truePositiveRate }] of points.entries()) {
    const before = points[index - 1] ?? { falsePositiveRate: 0, truePositiveRate: 0 };
    auc +=
      ((falsePositiveRate - before.falsePositiveRate) * (truePositiveRate + before.truePositiveRate)) / 2;
  }
  const every = Math.max(1, Math.floor(points.length / 200));
  const roc = points.filter((_, index) => index % every === 0 || index === points.length - 1);
  return { roc, auc, tprAtThousandth: at(0.001), tprAtHundredth: at(0.01) };
}

/** Lowers the threshold score by score; equal scores are passed together. */
function curve(members: Float64Array, others: Float64Array): RocPoint[] {
  const scored = [
    ...Array.from(members, (score) => ({ score, member: true })),
    ...Array.from(others, (score) => ({ score, member: false })),
  ].sort((a, b) => b.score - a.score);
  const points: RocPoint[] = [{ falsePositiveRate: 0, truePositiveRate: 0 }];
  let [right, wrong] = [0, 0];
  for (const [index, { score, member }] of scored.entries()) {
    if (member) right++;
    else wrong++;
    if (scored[index + 1]?.score === score) continue;
    points.push({ falsePositiveRate: wrong / others.length, truePositiveRate: right / members.length });
  }
  return points;
}
