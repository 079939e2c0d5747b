import { useEffect, useState } from 'preact/hooks';
import type { LiveRound } from '../../../src/api/schemas.js';
import { count, seconds } from '../figures.js';

/** Phases of a round as the coordinator sees them, and what each waits for. */
const PHASES = [
  ['advertise', 'Train', 'clients train, then show their keys'],
  ['reveal-seed', 'Graph', 'everybody adds to the draw of who masks with whom'],
  ['share', 'Share keys', 'keys are shared, so that losses do not stop the sum'],
  ['input', 'Collect', 'masked vectors arrive'],
  ['consistency', 'Agree', 'survivors sign who is in the sum'],
  ['unmask', 'Unmask', 'shares open the sum, and nothing else'],
] as const;

/** The round under way: which phase it is in, and for how long. */
export function LiveRoundView({ live }: { readonly live: LiveRound }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const at = PHASES.findIndex(([phase]) => phase === live.phase);
  return (
    <section class="card live" aria-label="Round under way">
      <h3>
        Round {live.round}
        {live.attempt > 0 && <span class="quiet">, attempt {live.attempt + 1}</span>}
        <span class="quiet"> · {count(live.selected)} clients drawn</span>
      </h3>
      <ol class="phases">
        {PHASES.map(([phase, name, what], index) => (
          <li
            key={phase}
            class={index < at ? 'done' : index === at ? 'now' : ''}
            {...(index === at && { 'aria-current': 'step' as const })}
            title={what}
          >
            {name}
          </li>
        ))}
      </ol>
      <p class="quiet">
        {PHASES[at]?.[2] ?? live.phase}, for {seconds(Math.max(0, now - Date.parse(live.since)))}
      </p>
    </section>
  );
}
