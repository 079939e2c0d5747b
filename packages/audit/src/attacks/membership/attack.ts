import type { Examples } from '@tutti/client/training';
import type { DenseNetwork } from '@tutti/shared/learning';
import { rocOf, type Roc } from './roc.js';

/** A model, and rows of which the auditor knows whether it was trained on them. */
export interface MembershipTarget {
  readonly network: DenseNetwork;
  readonly members: Examples;
  readonly nonMembers: Examples;
}

/** An attack that says of a row how much it looks like a row that was trained on. */
export interface MembershipAttack {
  readonly name: string;
  /** Where it was published. */
  readonly paper: string;
  /** One score a row, high for members. */
  scores(network: DenseNetwork, rows: Examples): Float64Array;
  /** The score above which the attack as published accuses; undefined where it leaves the threshold open. */
  threshold?(target: MembershipTarget): number;
}

/** What an attack found out. */
export interface MembershipResult extends Roc {
  readonly name: string;
  readonly paper: string;
  readonly members: number;
  readonly nonMembers: number;
  /** At the attack's own threshold. */
  readonly accused?: { readonly truePositives: number; readonly falsePositives: number };
}

/** Tries an attack on a target. */
export function attackMembership(attack: MembershipAttack, target: MembershipTarget): MembershipResult {
  const members = attack.scores(target.network, target.members);
  const nonMembers = attack.scores(target.network, target.nonMembers);
  const threshold = attack.threshold?.(target);
  const share = (scores: Float64Array) =>
    scores.filter((score) => score >= (threshold ?? Infinity)).length / scores.length;
  return {
    ...{ name: attack.name, paper: attack.paper },
    ...{ members: members.length, nonMembers: nonMembers.length },
    ...rocOf(members, nonMembers),
    ...(threshold !== undefined && {
      accused: { truePositives: share(members), falsePositives: share(nonMembers) },
    }),
  };
}

/** One row's features. */
export function rowOf({ features }: Examples, row: number, inputs: number): Float32Array {
  return features.subarray(row * inputs, (row + 1) * inputs);
}
