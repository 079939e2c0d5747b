import type { z } from 'zod';
import type { erasureSchema } from '../../../src/api/schemas.js';
import { moment, short } from '../figures.js';

type Erasure = z.output<typeof erasureSchema>;

/** Requests for erasure, and where each stands. They are answered on the command line. */
export function Erasures({ erasures }: { readonly erasures: readonly Erasure[] }) {
  return (
    <section class="card table">
      <h2>Requests for erasure</h2>
      {erasures.length === 0 ? (
        <p>None has been received.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Number</th>
              <th scope="col">State</th>
              <th scope="col">Client</th>
              <th scope="col">Job</th>
              <th scope="col">Due</th>
              <th scope="col">What was done</th>
            </tr>
          </thead>
          <tbody>
            {erasures.map((erasure) => (
              <tr key={erasure.number}>
                <th scope="row">{erasure.number}</th>
                <td>{erasure.state}</td>
                <td>
                  <code title={erasure.client}>{short(erasure.client)}</code>
                </td>
                <td>
                  <code title={erasure.job ?? ''}>{short(erasure.job ?? '')}</code>
                </td>
                <td>
                  {moment(erasure.due)}
                  {isLate(erasure) && <strong> overdue</strong>}
                </td>
                <td>{doneWords(erasure)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p class="quiet">
        To answer one: <code>tutti erase status {location.origin} NUMBER</code> says what each remedy costs
        and gives.
      </p>
    </section>
  );
}

function isLate({ state, due }: Erasure): boolean {
  return state !== 'closed' && Date.parse(due) < Date.now();
}

function doneWords({ outcome, begun, certificate }: Erasure): string {
  if (begun !== undefined) return `the ${begun.remedy} remedy makes ${begun.replayed} rounds again`;
  if (outcome === undefined) return 'excluded; no remedy was chosen yet';
  const signed = certificate === undefined ? '' : ', certified';
  return `${outcome.remedy}: ${outcome.kept} rounds kept, ${outcome.replayed} made again${signed}`;
}
