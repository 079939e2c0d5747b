import { deltaFigure, epsilonFigure } from '@tutti/shared/privacy';
import type { JobSummary } from '../../../src/api/schemas.js';
import { RELEASED } from '../released.js';

/** How much of the budget is spent, and what was spent against the adversary that no budget stops. */
export function Budget({ job }: { readonly job: JobSummary }) {
  const { releasedModel, coordinator, budget, delta } = job.epsilon;
  const spent = releasedModel ?? budget;
  return (
    <div class="budget">
      <label>
        <span>
          ε against the released {RELEASED[job.kind].name} <strong>{epsilonFigure(releasedModel)}</strong> of{' '}
          {epsilonFigure(budget)}
        </span>
        <meter min={0} max={budget} high={0.9 * budget} value={Math.min(spent, budget)}>
          {epsilonFigure(releasedModel)}
        </meter>
      </label>
      <p class="quiet">
        Against the coordinator <strong>{epsilonFigure(coordinator)}</strong>, for the client that took part
        most often. δ = {deltaFigure(delta)}.
      </p>
    </div>
  );
}
