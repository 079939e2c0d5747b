import { setTimeout as delay } from 'node:timers/promises';
import { randomBytes, toHex, laneBitsOf, type Lanes, type RandomSource } from '@tutti/shared/crypto';
import { addLanes, lanesOver, type Expander, type ExpansionJob } from '@tutti/shared/secagg/masking';
import { HeldLease } from '../jobs/held-lease.js';
import type { ArtifactFiles, Store } from '../store/index.js';
import type { MaskOrder } from '../store/tables/mask-orders.js';
import { orderMaskSum } from './mask-sum.js';
import type { WorkerExpander } from './worker-expander.js';

export interface SharedExpanderOptions {
  /** What computes here. */
  readonly own: Pick<WorkerExpander, 'expand'>;
  readonly store: Store;
  /** Where vectors are handed over: coordinators that share the store share it. */
  readonly files: ArtifactFiles;
  readonly random: RandomSource;
  /** The process. */
  readonly owner: string;
  /** Milliseconds after which another does a part whose coordinator is not heard of. */
  readonly lease: number;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** How many others there are that would help. */
  readonly helpers: () => number;
  /** Bytes of mask below which nobody is asked. Default 1 GiB. */
  readonly leastBytes?: number;
  /** Bytes of mask in a part, about. Default 256 MiB. */
  readonly partBytes?: number;
}

/** Masks in a part at the least: its vector goes over the network once. */
const LEAST_MASKS = 32;
/** Milliseconds between two looks at whether others have done their parts. */
const LOOK_EVERY = 50;
/** Milliseconds after which a sum is nobody's any more: far more than one takes. */
const FORGOTTEN = 3_600_000;

/** Under names that begin so parts lie among the leases of jobs. */
const leaseOf = ({ sum, place }: Pick<MaskOrder, 'sum' | 'place'>) => `mask ${sum} ${place}`;

/**
 * Expands masks together with the other coordinators on a store. A large sum is ordered in parts; whoever has the time takes one under a lease, this process among them, and hands its vector
 * over by reference. Additions commute, so that the bits are the same whoever did what. A part whose coordinator dies is done by another.
 *
 * What is ordered are the keys that clients' shares have given to the coordinator in this round: they open the sum, and no single client's vector, wherever they are read. They are in the store
 * while the sum is made, as those shares are.
 */
export class SharedExpander implements Expander {
  constructor(private readonly options: SharedExpanderOptions) {}

  /** As {@link WorkerExpander.expand}: where it fails, the target is as it was. */
  async expand(jobs: readonly ExpansionJob[], target: Lanes, signal?: AbortSignal): Promise<void> {
    const { own, store, random, now, helpers, leastBytes = 2 ** 30 } = this.options;
    if (helpers() === 0 || jobs.length * target.byteLength < leastBytes)
      return own.expand(jobs, target, signal);
    const parts = this.split(jobs, target.byteLength);
    const sum = toHex(randomBytes(random, 16));
    const total = lanesOver(new Uint8Array(target.byteLength), laneBitsOf(target));
    await store.maskOrders.add(
      parts.map((part, place) => ordered({ sum, place }, part, target)),
      now(),
    );
    try {
      await this.gather(sum, parts, total, signal);
    } finally {
      await this.withdraw(sum);
    }
    addLanes(target, total);
  }

  /** Does parts that others have ordered, as long as there are any. */
  async help(): Promise<void> {
    const { own, files, store } = this.options;
    const { maskOrders } = store;
    for (const part of await maskOrders.open()) {
      await this.whileHeld(part, async (held) => {
        const order = await maskOrders.find(part);
        if (order === undefined) return;
        const vector = new Uint8Array(order.length);
        await own.expand(jobsOf(order), lanesOver(vector, order.laneBits), held.lost);
        const result = await files.put(vector);
        const isAwaited = await held.store.maskOrders.finish(part, result).catch(() => false);
        if (!isAwaited) await files.remove(result);
      });
    }
  }

  /** Removes what was ordered by coordinators that died over it. */
  async tidy(): Promise<void> {
    const { store, now } = this.options;
    for (const sum of await store.maskOrders.orderedBefore(now() - FORGOTTEN)) await this.withdraw(sum);
  }

  private async gather(
    sum: string,
    parts: readonly (readonly ExpansionJob[])[],
    total: Lanes,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { store, files } = this.options;
    const left = new Set(parts.keys());
    // Into a vector of its own: where it fails half-way, nothing of it is in the total.
    const expanded = async (place: number) => {
      const vector = lanesOver(new Uint8Array(total.byteLength), laneBitsOf(total));
      await this.options.own.expand(parts[place] ?? [], vector, signal);
      return vector;
    };
    const take = (place: number, vector: Lanes) => {
      addLanes(total, vector);
      left.delete(place);
    };
    while (left.size > 0) {
      signal?.throwIfAborted();
      const before = left.size;
      for (const { place, result } of await store.maskOrders.results(sum)) {
        if (!left.has(place)) continue;
        const bytes = await files.fetch(result).catch(() => undefined);
        take(place, bytes ? lanesOver(bytes, laneBitsOf(total)) : await expanded(place));
      }
      for (const place of left) {
        const vector = await this.whileHeld({ sum, place }, async () => {
          if ((await store.maskOrders.find({ sum, place })) === undefined) return undefined;
          const vector = await expanded(place);
          // From here on nobody else's is taken.
          return (await store.maskOrders.finish({ sum, place }, OWN)) ? vector : undefined;
        });
        if (vector === undefined) continue;
        take(place, vector);
        // Others may have done theirs meanwhile.
        break;
      }
      if (left.size === before) await delay(LOOK_EVERY);
    }
  }

  /** @returns undefined where another is at it */
  private async whileHeld<T>(
    part: Pick<MaskOrder, 'sum' | 'place'>,
    action: (held: HeldLease) => Promise<T>,
  ): Promise<T | undefined> {
    const { store, owner, lease } = this.options;
    const held = await HeldLease.acquire({ store, job: leaseOf(part), owner, duration: lease });
    if (held === undefined) return undefined;
    try {
      return await action(held);
    } finally {
      await held.release();
    }
  }

  private async withdraw(sum: string): Promise<void> {
    const { store, files } = this.options;
    for (const { result } of await store.maskOrders.results(sum))
      if (result !== OWN) await files.remove(result);
    await store.maskOrders.remove(sum);
    await store.leases.forget(`mask ${sum} `);
  }

  private split(jobs: readonly ExpansionJob[], length: number): readonly (readonly ExpansionJob[])[] {
    const { partBytes = 2 ** 28 } = this.options;
    const size = Math.max(LEAST_MASKS, Math.ceil(partBytes / length));
    return Array.from({ length: Math.ceil(jobs.length / size) }, (_, place) =>
      jobs.slice(place * size, (place + 1) * size),
    );
  }
}

/** Stands in the place of a hash for a part whose vector never left the process that ordered it. */
const OWN = 'own';

function ordered(
  name: Pick<MaskOrder, 'sum' | 'place'>,
  part: readonly ExpansionJob[],
  target: Lanes,
): MaskOrder {
  const { keys, signs, laneBits, length } = orderMaskSum(part, laneBitsOf(target), target.byteLength);
  return { ...name, keys, signs: Uint8Array.from(signs, (sign) => (sign === 1 ? 1 : 0)), laneBits, length };
}

function jobsOf({ keys, signs }: MaskOrder): readonly ExpansionJob[] {
  return Array.from(signs, (sign, place): ExpansionJob => ({
    key: keys.slice(32 * place, 32 * (place + 1)),
    sign: sign === 1 ? 1 : -1,
  }));
}
