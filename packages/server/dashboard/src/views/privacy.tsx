import { useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { auditEntrySchema, erasureSchema, operatorSchema } from '../../../src/api/schemas.js';
import type { Api } from '../api.js';
import { moment } from '../figures.js';
import type { State } from '../state.js';
import { Erasures } from './erasures.js';
import { Promises } from './promises.js';
import { Records } from './records.js';

type AuditEntry = z.output<typeof auditEntrySchema>;
type Operator = z.output<typeof operatorSchema>;
type Erasure = z.output<typeof erasureSchema>;

const SHOWN_ACTS = 100;

/** What the privacy officer sees beside the rest: what is promised and what audits found, requests for erasure, records, who may do what, and who did what. */
export function Privacy({ api, state }: { readonly api: Api; readonly state: State }) {
  const [erasures, setErasures] = useState<readonly Erasure[]>([]);
  const [operators, setOperators] = useState<readonly Operator[]>([]);
  const [acts, setActs] = useState<readonly AuditEntry[]>([]);
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    const load = async () => {
      setErasures(await api.get('listErasures', '/api/erasures'));
      setOperators(await api.get('listOperators', '/api/operators'));
      setActs((await api.lines('/api/audit')) as readonly AuditEntry[]);
    };
    load().catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)));
  }, [api]);
  return (
    <>
      {problem !== undefined && <p role="alert">{problem}</p>}
      <Promises api={api} jobs={state.jobs} />
      <Erasures erasures={erasures} />
      <Records api={api} state={state} />
      <section class="card table">
        <h2>Operators</h2>
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Role</th>
              <th scope="col">Since</th>
            </tr>
          </thead>
          <tbody>
            {operators.map((operator) => (
              <tr key={operator.name}>
                <th scope="row">{operator.name}</th>
                <td>{operator.role}</td>
                <td>{moment(operator.createdAt)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <section class="card table">
        <h2>Who did what</h2>
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Who</th>
              <th scope="col">What</th>
              <th scope="col">To</th>
            </tr>
          </thead>
          <tbody>
            {acts
              .slice(-SHOWN_ACTS)
              .toReversed()
              .map((act) => (
                <tr key={act.sequence}>
                  <td>{moment(act.time)}</td>
                  <th scope="row">{act.actor}</th>
                  <td>{act.action}</td>
                  <td>{act.subject}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </section>
    </>
  );
}
