import { ByteReader, ByteWriter } from '../crypto/fixed-layout.js';
import type { Primitives } from '../crypto/primitives.js';
import { Refusal } from '../errors.js';
import { labelledHash } from './labels.js';
import { cohortParameters, type CohortParameters, type GraphMode, type Profile } from './parameters.js';

/** A public source of randomness that appears at known times (drand, the NIST beacon). */
export interface BeaconReference {
  /** The chain's hash, 32 bytes. */
  readonly chain: Uint8Array;
  /** The chain's public key, as the chain encodes it. */
  readonly publicKey: Uint8Array;
  /** The value that seeds this round's graph: not yet published when the roster is sent. */
  readonly round: number;
  /** Seconds that the coordinator leaves between the roster and that value. */
  readonly lead: number;
}

/** The last moment of each phase, in milliseconds since 1970. After `unmask` every client has forgotten the round. */
export interface Deadlines {
  readonly advertise: number;
  readonly revealSeed: number;
  readonly share: number;
  readonly input: number;
  readonly consistency: number;
  readonly unmask: number;
}

/**
 * What a round is: signed by the coordinator, and hashed into everything that a client signs or derives. Degree, threshold and quorum are not
 * among them: each party computes those.
 */
export interface RoundParameters {
  /** 32 bytes: what is being computed, over many rounds. */
  readonly taskId: Uint8Array;
  /** Grows with every attempt; a client never joins a number twice. */
  readonly roundNumber: number;
  /** 32 bytes: the enrolment group whose certificates count. */
  readonly groupId: Uint8Array;
  /** 32 bytes: of the exact model and plan that the client was given. Clients given different ones never share a sum. */
  readonly modelHash: Uint8Array;
  /** 32 bytes: of how real vectors become residues (clip norm, scale, rounding). */
  readonly quantHash: Uint8Array;
  /** 32 bytes: of the noise that each client adds. */
  readonly dpHash: Uint8Array;
  /** Length of the vectors: d. */
  readonly dimension: number;
  /** The sum is taken modulo 2^laneBits. */
  readonly laneBits: 8 | 16 | 32;
  readonly profile: Profile;
  readonly graphMode: GraphMode;
  readonly minimumRoster: number;
  /** At most 2048. */
  readonly maximumRoster: number;
  /** Fewest clients that a sum may be of, whatever the other rules allow. */
  readonly minimumCohort: number;
  /** Fraction of the roster that may collude with the coordinator, in ppm. One client at least is assumed to, whatever the fraction comes to. */
  readonly gammaPpm: number;
  /** Fraction of the roster whose loss must not cost the round, in ppm. */
  readonly deltaPpm: number;
  /** Of the clients that shared keys, the fraction that must be honest survivors (each client's share of the noise rests on it), in ppm. */
  readonly honestPpm: number;
  /** Statistical security in bits. Never a deviation of noise. */
  readonly sigma: number;
  /** log2 of the graph seeds that the coordinator can try: see `CohortAssumptions`. */
  readonly grindBits: number;
  /** The revocation list that certificates are held against. */
  readonly revocationVersion: number;
  /** There with `ring-beacon`, and only there. */
  readonly beacon?: BeaconReference;
  readonly deadlines: Deadlines;
}

/** The first version refuses longer rosters: clients are sent them whole. */
export const LARGEST_ROSTER = 2048;

const VERSION = 2;
const MASKS_FROM_PRG = 1;
const AES_256_CTR = 1;
const profiles: readonly Profile[] = ['S', 'M'];
const graphModes: readonly GraphMode[] = ['complete', 'ring-beacon', 'ring-reveal', 'ring-server'];
const deadlineOrder = ['advertise', 'revealSeed', 'share', 'input', 'consistency', 'unmask'] as const;
const hashNames = ['taskId', 'groupId', 'modelHash', 'quantHash', 'dpHash'] as const;

/**
 * The parameters as bytes, fixed layout, little-endian.
 * @throws {Refusal} `secagg.parameters` where a value is out of its range.
 */
export function encodeRoundParameters(parameters: RoundParameters): Uint8Array {
  checkRanges(parameters);
  const writer = new ByteWriter();
  writer.u16(VERSION);
  for (const name of hashNames) writer.bytes(parameters[name]);
  writer.u64(parameters.roundNumber);
  writer.u32(parameters.dimension);
  writer.u8(parameters.laneBits);
  writer.u8(MASKS_FROM_PRG);
  writer.u8(AES_256_CTR);
  writer.u8(profiles.indexOf(parameters.profile));
  writer.u8(graphModes.indexOf(parameters.graphMode));
  writer.u32(parameters.minimumRoster);
  writer.u32(parameters.maximumRoster);
  writer.u32(parameters.minimumCohort);
  writer.u32(parameters.gammaPpm);
  writer.u32(parameters.deltaPpm);
  writer.u32(parameters.honestPpm);
  writer.u8(parameters.sigma);
  writer.u8(parameters.grindBits);
  writer.u64(parameters.revocationVersion);
  writer.u8(parameters.beacon ? 1 : 0);
  if (parameters.beacon) {
    writer.bytes(parameters.beacon.chain);
    writer.sizedBytes(parameters.beacon.publicKey);
    writer.u64(parameters.beacon.round);
    writer.u32(parameters.beacon.lead);
  }
  for (const name of deadlineOrder) writer.u64(parameters.deadlines[name]);
  return writer.finish();
}

/**
 * The other direction of {@link encodeRoundParameters}: accepts what that one writes and nothing else.
 * @throws {Refusal} `secagg.parameters`, `wire.truncated` or `wire.trailing`.
 */
export function decodeRoundParameters(bytes: Uint8Array): RoundParameters {
  const reader = new ByteReader(bytes);
  if (reader.u16() !== VERSION) throw malformed('the version is not one that this program knows');
  const hashes = {
    taskId: reader.bytes(32),
    groupId: reader.bytes(32),
    modelHash: reader.bytes(32),
    quantHash: reader.bytes(32),
    dpHash: reader.bytes(32),
  };
  const roundNumber = reader.safeU64();
  const dimension = reader.u32();
  const laneBits = reader.u8();
  if (reader.u8() !== MASKS_FROM_PRG || reader.u8() !== AES_256_CTR)
    throw malformed('the masks are of an unknown kind');
  const profile = profiles[reader.u8()];
  const graphMode = graphModes[reader.u8()];
  if (
    profile === undefined ||
    graphMode === undefined ||
    (laneBits !== 8 && laneBits !== 16 && laneBits !== 32)
  ) {
    throw malformed('profile, graph or lane width are unknown');
  }
  const numbers = {
    minimumRoster: reader.u32(),
    maximumRoster: reader.u32(),
    minimumCohort: reader.u32(),
    gammaPpm: reader.u32(),
    deltaPpm: reader.u32(),
    honestPpm: reader.u32(),
    sigma: reader.u8(),
    grindBits: reader.u8(),
    revocationVersion: reader.safeU64(),
  };
  const flag = reader.u8();
  if (flag > 1) throw malformed('the beacon is neither there nor absent');
  const beacon =
    flag === 1
      ? {
          chain: reader.bytes(32),
          publicKey: reader.sizedBytes(1024),
          round: reader.safeU64(),
          lead: reader.u32(),
        }
      : undefined;
  const deadlines = {
    advertise: reader.safeU64(),
    revealSeed: reader.safeU64(),
    share: reader.safeU64(),
    input: reader.safeU64(),
    consistency: reader.safeU64(),
    unmask: reader.safeU64(),
  };
  reader.finish();
  const parameters: RoundParameters = {
    ...hashes,
    roundNumber,
    dimension,
    laneBits,
    profile,
    graphMode,
    ...numbers,
    ...(beacon ? { beacon } : {}),
    deadlines,
  };
  checkRanges(parameters);
  return parameters;
}

/** What everything in the round is bound to. 32 bytes. */
export function hashRoundParameters(primitives: Primitives, encoding: Uint8Array): Uint8Array {
  return labelledHash(primitives, 'params', encoding);
}

/** What decides how many of a round's clients are needed. */
export type CohortRules = Pick<
  RoundParameters,
  'profile' | 'graphMode' | 'minimumCohort' | 'gammaPpm' | 'deltaPpm' | 'honestPpm' | 'sigma' | 'grindBits'
>;

/**
 * Degree, threshold and quorum of a roster of `rosterSize` clients in this round.
 * @throws {Refusal} `secagg.infeasible`
 */
export function roundCohort(rules: CohortRules, rosterSize: number): CohortParameters {
  const { gammaPpm, deltaPpm, sigma, graphMode, grindBits, profile } = rules;
  return cohortParameters({ n: rosterSize, gammaPpm, deltaPpm, sigma, graphMode, grindBits, profile });
}

/**
 * Survivors without whom the round is aborted: enough for a quorum, for the smallest cohort, and for the noise. Each client adds noise for
 * `sharers * honestPpm` honest survivors, so that many and the corrupt ones that may stand among them must be in the sum.
 *
 * @param sharers - clients that shared keys: |U2|
 */
export function requiredSurvivors(rules: CohortRules, rosterSize: number, sharers: number): number {
  const { quorum, corrupt } = roundCohort(rules, rosterSize);
  const honest = Math.ceil((sharers * rules.honestPpm) / 1_000_000);
  return Math.max(quorum, rules.minimumCohort, honest + corrupt);
}

/** Bytes of a masked vector. */
export function vectorLength({
  dimension,
  laneBits,
}: Pick<RoundParameters, 'dimension' | 'laneBits'>): number {
  return (dimension * laneBits) / 8;
}

function checkRanges(parameters: RoundParameters): void {
  const whole = (value: number, least: number, most: number) =>
    Number.isSafeInteger(value) && value >= least && value <= most;
  const limits: readonly (readonly [keyof RoundParameters, number, number])[] = [
    ['roundNumber', 0, Number.MAX_SAFE_INTEGER],
    ['dimension', 1, 2 ** 30],
    ['minimumRoster', 3, LARGEST_ROSTER],
    ['maximumRoster', parameters.minimumRoster, LARGEST_ROSTER],
    ['minimumCohort', 1, parameters.maximumRoster],
    ['gammaPpm', 0, 999_999],
    ['deltaPpm', 0, 999_999],
    ['honestPpm', 0, 1_000_000],
    ['sigma', 1, 128],
    ['grindBits', 0, 128],
    ['revocationVersion', 0, Number.MAX_SAFE_INTEGER],
  ];
  for (const [name, least, most] of limits) {
    const value = parameters[name];
    if (typeof value !== 'number' || !whole(value, least, most)) {
      throw malformed(`${name} is outside ${least} to ${most}`);
    }
  }
  for (const name of hashNames)
    if (parameters[name].length !== 32) throw malformed(`${name} is not 32 bytes long`);
  if ((parameters.graphMode === 'ring-beacon') !== (parameters.beacon !== undefined)) {
    throw malformed('a beacon belongs to the graph mode ring-beacon, and to no other');
  }
  let previous = 0;
  for (const name of deadlineOrder) {
    const deadline = parameters.deadlines[name];
    if (!whole(deadline, previous, Number.MAX_SAFE_INTEGER))
      throw malformed(`the deadline of ${name} lies before the one it follows`);
    previous = deadline;
  }
}

function malformed(problem: string): Refusal {
  return new Refusal(
    'secagg.parameters',
    `These are no parameters of a round: ${problem}.`,
    'Correct the coordinator that announced them.',
  );
}
