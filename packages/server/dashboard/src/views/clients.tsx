import { count, moment, short } from '../figures.js';
import type { State } from '../state.js';

/** Who was ever let in, and who is here. */
export function Clients({ state }: { readonly state: State }) {
  const { connected, enrolled } = state.coordinator.clients;
  const versions = new Map<string, number>();
  for (const { version } of state.clients) versions.set(version, (versions.get(version) ?? 0) + 1);
  return (
    <section class="card table">
      <h2>Clients</h2>
      <p>
        <strong>{count(connected)}</strong> connected of <strong>{count(enrolled)}</strong> enrolled.{' '}
        {[...versions].map(([version, clients]) => (
          <span key={version} class="tag">
            {version === '' ? 'unknown version' : version}: {count(clients)}
          </span>
        ))}
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Identity</th>
            <th scope="col">State</th>
            <th scope="col">Version</th>
            <th scope="col">First seen</th>
            <th scope="col">Last seen</th>
          </tr>
        </thead>
        <tbody>
          {state.clients.map((client) => (
            <tr key={client.identity}>
              <th scope="row">
                <code title={client.identity}>{short(client.identity)}</code>
              </th>
              <td>
                {client.revoked !== null
                  ? `revoked: ${client.revoked.why}`
                  : client.withdrawn !== null
                    ? `withdrew ${moment(client.withdrawn)}`
                    : client.connected
                      ? 'connected'
                      : 'away'}
              </td>
              <td>{client.version === '' ? 'unknown' : client.version}</td>
              <td>{moment(client.firstSeen)}</td>
              <td>{moment(client.lastSeen)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {state.clients.length < enrolled && (
        <p class="quiet">The first {count(state.clients.length)} are shown.</p>
      )}
    </section>
  );
}
