import { epsilonFigure, lowerEpsilonFigure } from '@tutti/shared/privacy';
import { markup, percent, smallProbability, type Markup } from '@tutti/simulation/report';
import { verdictWords, type AuditVerdict } from '../verdict.js';
import { tile } from './tile.js';

/** The claim, what the audit found, and what that proves. */
export function verdictSection(verdict: AuditVerdict): Markup {
  const { claimed, correct, guesses, canaries, passed, confidence, noise } = verdict;
  return markup`<section class="tiles four" aria-label="Summary">
      ${tile('Claimed ε', epsilonFigure(claimed.epsilon), `at δ = ${smallProbability(claimed.delta)}, unit: one ${verdict.unit}`)}
      ${tile('Found: ε at least', lowerEpsilonFigure(verdict.epsilonLower), `with ${percent(confidence)} confidence`)}
      ${tile('Right guesses', `${correct} of ${guesses}`, `on ${canaries} canaries`)}
      ${tile('Could have refuted', lowerEpsilonFigure(verdict.largestRefutable), 'had every guess been right')}
    </section>
    <section class="guarantee verdict${passed ? '' : ' none'}">
      <h2>${passed ? 'Passed: the claim was not refuted' : 'Failed: the claim is false'}</h2>
      ${noise === 1 ? undefined : markup`<p class="warning">The noise was set to ${noise} of what the claim needs, on purpose: the claim is false, and the audit ought to say so.</p>`}
      ${verdictWords(verdict).map((words) => markup`<p>${words}</p>`)}
    </section>`;
}
