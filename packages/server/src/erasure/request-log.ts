import type { Primitives } from '@tutti/shared/crypto';
import { Refusal } from '@tutti/shared/errors';
import {
  after,
  ERASURE_LOG,
  erasureRequests,
  nextLink,
  verifyLog,
  type ErasureEvent,
  type ErasureRequest,
  type Link,
} from '@tutti/shared/rights';
import type { Store } from '../store/store.js';

/** The log of all requests for erasure to a coordinator, in its store: chained by hashes, verified at every reading. */
export class RequestLog {
  constructor(
    private readonly table: Store['erasures'],
    private readonly primitives: Pick<Primitives, 'sha256'>,
    private readonly now: () => number,
  ) {}

  /** @throws {Refusal} `log.broken` where the chain does not hold */
  async read(): Promise<readonly Link<ErasureEvent>[]> {
    const verdict = verifyLog(this.primitives, ERASURE_LOG, await this.table.links());
    if (verdict.ok) return verdict.links;
    throw new Refusal(
      'log.broken',
      `The log of requests for erasure does not hold at entry ${verdict.sequence}: ${verdict.reason}.`,
      'Restore the store from a backup and find out who changed it.',
    );
  }

  /** The requests that it tells of, by number. */
  async requests(): Promise<ReadonlyMap<string, ErasureRequest>> {
    return erasureRequests(await this.read());
  }

  /** @throws {Refusal} `erasure.unknown` */
  async request(number: string): Promise<ErasureRequest> {
    const known = (await this.requests()).get(number);
    if (known !== undefined) return known;
    throw new Refusal('erasure.unknown', 'There is no such request.', 'List the requests for erasure.');
  }

  /**
   * Appends what `decide` makes of the requests so far, if it can follow.
   * @throws {Refusal} `erasure.wrong-state`, `erasure.unverified`, `erasure.not-next`, `log.broken`
   */
  async note(
    decide: (requests: ReadonlyMap<string, ErasureRequest>) => ErasureEvent,
  ): Promise<ErasureRequest> {
    const links = await this.read();
    const requests = erasureRequests(links);
    const entry = decide(requests);
    const time = new Date(this.now()).toISOString();
    const request = after(requests.get(entry.request), entry, time);
    await this.table.append(nextLink(this.primitives, ERASURE_LOG, links.at(-1), { time, entry }));
    return request;
  }
}
