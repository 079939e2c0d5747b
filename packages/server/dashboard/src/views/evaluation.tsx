import { noisyFigure } from '@tutti/shared/learning';
import type { EvaluationFile } from '@tutti/shared/protocol';
import { useEffect, useState } from 'preact/hooks';

/** Classes up to which each has a line of its own. */
const MOST_CLASSES = 20;

/** How good a model is, as a job of kind evaluation has found: each figure with the standard error that the noise gives it. */
export function Evaluation({ hash }: { readonly hash: string }) {
  const found = useArtifact(hash);
  const figures = found?.figures;
  if (found === undefined || figures === undefined || figures === null) return null;
  const { areaUnderCurve, meanAreaUnderCurve, calibrationError, confusion } = figures;
  return (
    <section class="card table" aria-label="Evaluation">
      <h3>Evaluation</h3>
      <table>
        <tbody>
          <Line name="Rows counted" value={noisyFigure(figures.examples)} />
          <Line name="Accuracy" value={noisyFigure(figures.accuracy)} />
          <Line name={`Loss, at most ${found.largestLoss} a row`} value={noisyFigure(figures.loss)} />
          {areaUnderCurve !== null && (
            <Line name="Area under ROC curve" value={noisyFigure(meanAreaUnderCurve)} />
          )}
          {figures.calibration !== null && (
            <Line name="Calibration error" value={noisyFigure(calibrationError)} />
          )}
        </tbody>
      </table>
      {confusion !== null && found.classes.length <= MOST_CLASSES && (
        <table>
          <thead>
            <tr>
              <th scope="col">Class, taken for</th>
              {found.classes.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {confusion.counts.map((row, label) => (
              <tr key={label}>
                <th scope="row">{found.classes[label]}</th>
                {row.map((count, predicted) => (
                  <td key={predicted}>{noisyFigure({ value: count, noise: confusion.noise })}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Line({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{value}</td>
    </tr>
  );
}

/** What the coordinator has found so far; undefined until it is here. */
function useArtifact(hash: string): EvaluationFile | undefined {
  const [found, setFound] = useState<EvaluationFile>();
  useEffect(() => {
    const leaving = new AbortController();
    const load = async (): Promise<void> => {
      const response = await fetch(`/artifacts/${hash}`, { signal: leaving.signal });
      if (response.ok) setFound((await response.json()) as EvaluationFile);
    };
    // Without it the page still says where it can be had.
    load().catch(() => undefined);
    return () => leaving.abort();
  }, [hash]);
  return found;
}
