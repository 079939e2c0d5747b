import { primitives } from '@tutti/shared/crypto/primitives';
import { toHex, type Primitives, type RandomSource } from '@tutti/shared/crypto';
import { encodeRoundParameters, type MessageType } from '@tutti/shared/secagg';
import { roundParameters, TestRound } from './secagg-harness.js';
import { seededRandom } from './seeded-random.js';

/** The recording of a small round, everything in hexadecimal. */
export interface Recording {
  readonly parameters: string;
  readonly authority: string;
  readonly coordinator: { readonly secretKey: string; readonly publicKey: string };
  readonly clients: readonly {
    readonly secretKey: string;
    readonly publicKey: string;
    readonly certificate: string;
    /** Everything that the client draws, in order: the two X25519 scalars, the seed of its own mask, then coefficients. */
    readonly random: string;
    /** Lanes, little-endian. */
    readonly vector: string;
  }[];
  /** Messages in the order in which they are taken in. Client -1 is the coordinator. */
  readonly steps: readonly {
    readonly from: number;
    readonly to: number;
    readonly type: MessageType;
    readonly body: string;
  }[];
  /** Each key of a mask with the first 16 bytes of its stream, in the order in which clients expand them. */
  readonly masks: readonly { readonly key: string; readonly stream: string }[];
  readonly survivors: readonly number[];
  readonly sum: string;
}

const CLIENTS = 5;
const LOST = 1;

/** Five clients, of which client 1 is lost between its shares and its masked vector. */
export async function record(): Promise<Recording> {
  const drawn = Array.from({ length: CLIENTS }, () => '');
  const masks = new Map<string, string>();
  const recorded: Primitives = {
    ...primitives,
    keystream: (key) => {
      const start = new Uint8Array(16);
      primitives.keystream(key).readSync?.(start);
      masks.set(toHex(key), toHex(start));
      return primitives.keystream(key);
    },
  };
  const random = (client: number): RandomSource => {
    const source = seededRandom(`recording/${client}`);
    return {
      kind: 'seeded',
      fill: (bytes) => {
        drawn[client] = (drawn[client] ?? '') + toHex(source.fill(bytes));
        return bytes;
      },
    };
  };
  const parameters = roundParameters({ dimension: 6, laneBits: 32, roundNumber: 7 });
  const round = await TestRound.create({
    seed: 'recording',
    clients: CLIENTS,
    parameters,
    primitives: recorded,
    random,
  });
  const steps: Recording['steps'][number][] = [];
  const { result } = await round.run({
    losses: new Map([[LOST, 'masked']]),
    toClient: (to, { type, body }) => {
      steps.push({ from: -1, to, type, body: toHex(body) });
      return [{ type, body }];
    },
    toCoordinator: (from, { type, body }) => {
      steps.push({ from, to: -1, type, body: toHex(body) });
      return [{ type, body }];
    },
  });
  const bytes = (lanes: ArrayBufferView) =>
    toHex(new Uint8Array(lanes.buffer, lanes.byteOffset, lanes.byteLength));
  const { authority, coordinator, clients } = round.enrolment;
  return {
    parameters: toHex(encodeRoundParameters(parameters)),
    authority: toHex(authority.publicKey),
    coordinator: { secretKey: toHex(coordinator.secretKey), publicKey: toHex(coordinator.publicKey) },
    clients: round.clients.map(({ identity, vector }, index) => ({
      secretKey: toHex(identity.secretKey),
      publicKey: toHex(identity.publicKey),
      certificate: toHex(clients[index]?.certificate ?? new Uint8Array(0)),
      random: drawn[index] ?? '',
      vector: bytes(vector),
    })),
    steps,
    masks: [...masks].map(([key, stream]) => ({ key, stream })),
    survivors: round.clients.flatMap(({ id }, index) => (result?.survivors.includes(id) ? [index] : [])),
    sum: bytes(result?.sum ?? new Uint8Array(0)),
  };
}
