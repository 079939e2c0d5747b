import type { KeyPair } from '../../crypto/primitives.js';
import type { IndexSet } from '../index-set.js';
import type { Roster, RoundContext } from '../round-context.js';
import type { RoundParameters } from '../round-parameters.js';

/** A client that has not been asked yet. */
export interface Idle {
  readonly phase: 'idle';
}

/** What a client holds from its advert on. */
interface Joined {
  readonly parameters: RoundParameters;
  readonly parametersHash: Uint8Array;
  /** X25519, seals shares. */
  readonly sealing: KeyPair;
  /** X25519, pairwise masks. */
  readonly masking: KeyPair;
  /** This client's part of the graph's seed. */
  readonly seedShare: Uint8Array;
}

/** Waits for the roster. */
export interface Advertised extends Joined {
  readonly phase: 'advertised';
  readonly advert: Uint8Array;
}

/** Knows the others; with `ring-reveal`, waits for everybody's part of the seed. */
export interface SeedRevealed extends Joined {
  readonly phase: 'seed-revealed';
  readonly roster: Roster;
  readonly index: number;
}

/** What a client holds from its shares on. */
interface Sharing extends Joined {
  readonly round: RoundContext;
  /** This client's place in the roster. */
  readonly index: number;
  /** The seed of this client's own mask. */
  readonly selfSeed: Uint8Array;
  /** Members whose certificate was checked. */
  readonly certified: Set<number>;
}

/** Waits for what the neighbours sealed for it. */
export interface Shared extends Sharing {
  readonly phase: 'shared';
}

/** A neighbour's two shares, as they came out of its envelope. */
export interface Received {
  readonly seedShare: Uint8Array;
  readonly keyShare: Uint8Array;
}

/** What a client holds from its inbox on. */
interface Informed extends Sharing {
  readonly sharers: IndexSet;
  readonly sharersHash: Uint8Array;
  /** By neighbour. Whose shares did not come, or did not open, is not here. */
  readonly received: ReadonlyMap<number, Received>;
}

/** Waits for its own vector. */
export interface Encoding extends Informed {
  readonly phase: 'encoding';
}

/** Has sent its masked vector, and waits for the survivors. */
export interface Masked extends Informed {
  readonly phase: 'masked';
}

/** Has signed one set of survivors, and waits for the quorum. */
export interface Signed extends Informed {
  readonly phase: 'signed';
  readonly survivors: IndexSet;
  readonly survivorsHash: Uint8Array;
}

/** Has given its shares and forgotten every secret. */
export interface Revealed {
  readonly phase: 'revealed';
  readonly parameters: RoundParameters;
  readonly parametersHash: Uint8Array;
  readonly survivors: number;
  readonly transcript: Uint8Array;
}

/** The round is over for this client. */
export interface Over {
  readonly phase: 'finished' | 'aborted';
}

export type State = Idle | Advertised | SeedRevealed | Shared | Encoding | Masked | Signed | Revealed | Over;
