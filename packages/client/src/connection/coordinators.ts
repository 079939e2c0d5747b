import type { Channel, ChannelHandler } from '@tutti/shared/protocol';
import type { ParticipantEvent } from '../participant.js';
import { startTimer } from '../timer.js';
import { isPrivateHost } from './private-host.js';
import { dialCoordinator, type Connection, type ConnectionEvent, type DialOptions } from './socket.js';
import { uniform } from './uniform.js';

export interface CoordinatorsOptions extends Omit<DialOptions, 'accept' | 'backoff'> {
  readonly accept: (channel: Channel, coordinator: string) => ChannelHandler;
  /** Whether coordinators that share the jobs of the first one are dialled too, when it names them. Default: yes. */
  readonly follow?: boolean;
  /** Milliseconds over which clients are spread that hear of another coordinator at the same time. Default: ten seconds. */
  readonly spread?: number;
  /** Default: {@link dialCoordinator} */
  readonly dial?: typeof dialCoordinator;
}

/** Connections to all coordinators of a federation. */
export interface Coordinators {
  /** Addresses at which one of them answers, as far as is known: the likeliest first. */
  readonly addresses: readonly string[];
  /** Takes in what the participant was told of its coordinators: every event of its may be handed in. */
  hear(event: ParticipantEvent): void;
  /** As {@link Connection.redial}, of each. */
  redial(): void;
  close(): void;
}

interface Line {
  /** Undefined while it waits to be dialled. */
  connection: Connection | undefined;
  stopWaiting: () => void;
  isUp: boolean;
  isWelcomed: boolean;
}

const SPREAD = 10_000;

/**
 * Dials a coordinator, and those that share its jobs: each job is run by one of them, and a client takes part in the jobs of those that it is connected
 * to. Who they are the coordinators themselves say, and say again when one is added or is gone. The first address is only dialled while none of them
 * lets this client in: where it leads to one of them (a name for all, a proxy), two connections of one client would close one another.
 *
 * Addresses are origins. None without TLS is dialled where the first one has it, and none of a private network where the first one is in none. `connected` and `lost` are told of the federation as a whole.
 */
export function dialCoordinators(url: string, options: CoordinatorsOptions): Coordinators {
  const { accept, observe, follow = true, spread = SPREAD, dial = dialCoordinator, ...dialling } = options;
  const first = new URL(url).origin;
  const lines = new Map<string, Line>();
  let listed: readonly string[] = [];
  let closed = false;

  const those = (what: 'isUp' | 'isWelcomed') => [...lines.values()].filter((line) => line[what]).length;
  const open = (coordinator: string, wait: number) => {
    const line: Line = {
      connection: undefined,
      stopWaiting: () => undefined,
      isUp: false,
      isWelcomed: false,
    };
    lines.set(coordinator, line);
    const connect = () => {
      line.connection = dial(coordinator, {
        ...dialling,
        accept: (channel) => accept(channel, coordinator),
        observe: (event) => noticed(coordinator, line, event),
      });
    };
    if (wait === 0) connect();
    else line.stopWaiting = startTimer(connect, wait);
  };
  const shut = (coordinator: string, line: Line) => {
    lines.delete(coordinator);
    line.stopWaiting();
    line.connection?.close();
  };
  const noticed = (coordinator: string, line: Line, event: ConnectionEvent) => {
    // What a connection says that was given up concerns nobody.
    if (closed || lines.get(coordinator) !== line) return;
    if (event.kind !== 'connected' && event.kind !== 'lost') {
      observe?.(event);
      return;
    }
    const before = those('isUp');
    line.isUp = event.kind === 'connected';
    line.isWelcomed = false;
    if ((before === 0) !== (those('isUp') === 0)) observe?.(event);
    settle(0);
  };
  /** Opens what is to be there, and closes what is not. */
  const settle = (wait: number) => {
    if (closed) return;
    const isLet = listed.some((coordinator) => lines.get(coordinator)?.isWelcomed);
    const wanted = new Set(isLet ? listed : [...listed, first]);
    for (const [coordinator, line] of lines) if (!wanted.has(coordinator)) shut(coordinator, line);
    for (const coordinator of wanted) if (!lines.has(coordinator)) open(coordinator, wait);
  };
  settle(0);

  return {
    get addresses() {
      const known = [...lines].sort(([, a], [, b]) => Number(b.isWelcomed) - Number(a.isWelcomed));
      return [...new Set([...known.map(([coordinator]) => coordinator), first])];
    },
    hear(event) {
      if (closed || (event.kind !== 'welcomed' && event.kind !== 'coordinators')) return;
      const { kind, coordinator, coordinators } = event;
      const line = lines.get(coordinator);
      if (line === undefined) return;
      if (kind === 'welcomed') {
        line.isWelcomed = true;
        line.connection?.settled();
      }
      if (follow) listed = (coordinators ?? [coordinator]).filter((address) => isAsSafe(address, first));
      settle(kind === 'welcomed' ? 0 : uniform() * spread);
    },
    redial() {
      for (const { connection } of lines.values()) connection?.redial();
    },
    close() {
      closed = true;
      for (const [coordinator, line] of lines) shut(coordinator, line);
    },
  };
}

/** A coordinator may name any address: it must not make this client speak without TLS, nor to machines of its owner's network. */
function isAsSafe(address: string, first: string): boolean {
  const [named, known] = [new URL(address), new URL(first)];
  return (
    (named.protocol === 'https:' || known.protocol !== 'https:') &&
    (!isPrivateHost(named.hostname) || isPrivateHost(known.hostname))
  );
}
