import { noisyFigure } from '@tutti/shared/learning';
import type { EvaluationFile } from '@tutti/shared/protocol';
import { table } from '../coordinator/job-words.js';

import { onOneLine } from './printable.js';

/** Classes up to which each has a line of its own. */
const MOST_CLASSES = 20;

/** An evaluation as tables; after each figure the standard error that the noise gives it. */
export function evaluationTable({ figures, classes, largestLoss }: EvaluationFile): string {
  if (figures === null) return 'Nothing has been counted yet.';
  const { areaUnderCurve, meanAreaUnderCurve, calibration, confusion } = figures;
  const names = classes.map(onOneLine);
  const summary = [
    ['rows counted', noisyFigure(figures.examples)],
    ['accuracy', noisyFigure(figures.accuracy)],
    [`loss (at most ${largestLoss} a row)`, noisyFigure(figures.loss)],
    ...(areaUnderCurve === null ? [] : [['area under ROC curve', noisyFigure(meanAreaUnderCurve)]]),
    ...(calibration === null ? [] : [['calibration error', noisyFigure(figures.calibrationError)]]),
  ];
  const few = names.length <= MOST_CLASSES;
  const perClass =
    few && areaUnderCurve !== null && areaUnderCurve.length > 1
      ? [
          ['class', 'area under ROC curve'],
          ...names.map((name, at) => [name, noisyFigure(areaUnderCurve[at] ?? null)]),
        ]
      : undefined;
  const confused =
    few && confusion !== null
      ? [
          ['class \\ taken for', ...names],
          ...confusion.counts.map((row, label) => [
            names[label] ?? '',
            ...row.map((count) => count.toFixed(0)),
          ]),
        ]
      : undefined;
  const calibrated =
    calibration === null
      ? undefined
      : [
          ['confidence from', 'rows', 'confidence', 'accuracy'],
          ...calibration.map(({ examples, confidence, accuracy }, bin) => [
            (bin / calibration.length).toFixed(2),
            noisyFigure(examples),
            noisyFigure(confidence),
            noisyFigure(accuracy),
          ]),
        ];
  return [
    table(summary),
    ...(perClass ? [table(perClass)] : []),
    ...(confused ? [`${table(confused)}\neach ± ${confusion?.noise.toFixed(0) ?? ''}`] : []),
    ...(calibrated ? [table(calibrated)] : []),
  ].join('\n\n');
}
