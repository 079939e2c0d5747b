import type { TreeEvent } from './events.js';

/** Nodes of a binary tree over `leaves` leaves that one leaf touches, at most: ceil(log2(leaves + 1)). */
export function treeDepth(leaves: number): number {
  let depth = 0;
  for (let nodes = leaves; nodes >= 1; nodes = Math.floor(nodes / 2)) depth += 1;
  return depth;
}

/**
 * Squared L2 sensitivity of all nodes of all trees to one unit whose contribution has norm 1
 * (Kairouz, McMahan, Song, Thakkar, Thakurta, Xu 2021, arXiv 2103.00039, appendix D).
 */
export function treeSensitivitySquared({ leaves, participation }: TreeEvent): number {
  const perTree = leaves.map((count) =>
    participation.kind === 'repeated'
      ? repeatedTreeSensitivitySquared(count, participation.maximum, participation.minimumGap)
      : treeDepth(count),
  );
  return participation.kind === 'once'
    ? Math.max(0, ...perTree)
    : perTree.reduce((sum, value) => sum + value, 0);
}

/** A set of participations below one node. `before` and `after` are the free leaves at its ends, capped at the gap. */
interface Pattern {
  readonly count: number;
  readonly before: number;
  readonly after: number;
  readonly value: number;
}

/** Leaves are lumped into blocks above this gap, so that the patterns of a node stay few. */
const LARGEST_EXACT_GAP = 512;

/**
 * max over participation patterns of the sum over nodes of (participations below the node)^2.
 *
 * Dynamic programming from the leaves upwards: what a pattern inside a node means outside is its count and how much room
 * it leaves at both ends, and more room is never worse. The nodes are those that complete within `leaves` rounds; the
 * others are never released. Exact up to a gap of 512; above it an upper bound, because the gap is counted in blocks.
 *
 * @param leaves - rounds of one tree
 * @param maximum - participations of one unit, at most
 * @param minimumGap - least number of rounds from one participation to the next
 */
export function repeatedTreeSensitivitySquared(leaves: number, maximum: number, minimumGap: number): number {
  if (leaves < 1 || maximum < 1) return 0;
  const levels = Math.max(0, Math.ceil(Math.log2(minimumGap / LARGEST_EXACT_GAP)));
  const block = 2 ** levels;
  const gap = Math.floor(minimumGap / block);
  const blocks = Math.ceil(leaves / block);
  const limit = Math.min(maximum, Math.ceil(blocks / gap));

  const nodes: (readonly Pattern[])[] = [
    [
      { count: 0, before: 1, after: 1, value: 0 },
      { count: 1, before: 0, after: 0, value: levels + 1 },
    ],
  ];
  for (let size = 2; size <= blocks; size *= 2) {
    const half = nodes[nodes.length - 1] ?? [];
    nodes.push(join(half, half, { half: size / 2, size, gap, limit, shared: true }));
  }

  let stream: readonly Pattern[] = [{ count: 0, before: 0, after: 0, value: 0 }];
  let done = 0;
  for (let level = nodes.length - 1; level >= 0; level -= 1) {
    const size = 2 ** level;
    if (blocks - done < size) continue;
    stream = join(stream, nodes[level] ?? [], { half: done, size, gap, limit, shared: false });
    done += size;
  }
  return Math.max(...stream.map((pattern) => pattern.value));
}

interface Joint {
  /** Leaves of the left part. */
  readonly half: number;
  /** Leaves of the right part when nothing is shared, of the joint node otherwise. */
  readonly size: number;
  readonly gap: number;
  readonly limit: number;
  /** Whether the two parts have a node in common, which then counts all their participations. */
  readonly shared: boolean;
}

function join(left: readonly Pattern[], right: readonly Pattern[], joint: Joint): readonly Pattern[] {
  const { half, gap, limit, shared } = joint;
  const rightSize = shared ? joint.size - half : joint.size;
  const cap = (room: number): number => Math.min(room, gap);
  const best = new Map<number, Pattern>();
  for (const a of left) {
    for (const b of right) {
      const count = a.count + b.count;
      if (count > limit || (a.count > 0 && b.count > 0 && a.after + b.before + 1 < gap)) continue;
      const before = cap(a.count > 0 ? a.before : half + b.before);
      const after = cap(b.count > 0 ? b.after : rightSize + a.after);
      const value = a.value + b.value + (shared ? count * count : 0);
      const key = (count * (gap + 1) + before) * (gap + 1) + after;
      if (value > (best.get(key)?.value ?? -1)) best.set(key, { count, before, after, value });
    }
  }
  return undominated([...best.values()], gap);
}

/** Drops the patterns to which another with the same count is equal or better in room at both ends and in value. */
function undominated(patterns: Pattern[], gap: number): readonly Pattern[] {
  patterns.sort((a, b) => b.count - a.count || b.before - a.before || b.after - a.after);
  // highest[room] is the best value among the patterns seen, all of them with more room before, with `after >= room`.
  let highest = new Float64Array(gap + 1).fill(-1);
  let count = -1;
  return patterns.filter((pattern) => {
    if (pattern.count !== count) highest = new Float64Array(gap + 1).fill(-1);
    count = pattern.count;
    if ((highest[pattern.after] ?? -1) >= pattern.value) return false;
    for (let room = pattern.after; room >= 0 && (highest[room] ?? 0) < pattern.value; room -= 1) {
      highest[room] = pattern.value;
    }
    return true;
  });
}
