import { LogFile } from '@tutti/client/rights';
import { Refusal } from '@tutti/shared/errors';
import {
  after,
  ERASURE_LOG,
  erasureRequests,
  nextNumber,
  type ErasureEvent,
  type ErasureRequest,
} from '@tutti/shared/rights';
import { RunDirectory } from '../run-directory.js';

/** The requests for erasure to one run, as its log tells of them: `erasures.jsonl`, each entry chained to the one before. */
export class RequestLog {
  private readonly log: LogFile<ErasureEvent>;

  constructor(
    path: string,
    private readonly now: () => number,
  ) {
    this.log = new LogFile(new RunDirectory(path).file('erasures.jsonl'), ERASURE_LOG, now);
  }

  async requests(): Promise<ReadonlyMap<string, ErasureRequest>> {
    return erasureRequests(await this.log.read());
  }

  /** @throws {Refusal} `erasure.unknown` */
  async request(number: string): Promise<ErasureRequest> {
    const requests = await this.requests();
    const known = requests.get(number);
    if (known !== undefined) return known;
    throw new Refusal(
      'erasure.unknown',
      `There is no request ${number}.`,
      requests.size === 0 ? 'None has been received.' : `There are: ${[...requests.keys()].join(', ')}.`,
    );
  }

  /** Notes a new request. @returns its number */
  async receive({
    client,
    rows,
    subject,
  }: {
    readonly client: string;
    readonly rows?: readonly number[] | undefined;
    readonly subject?: string | undefined;
  }): Promise<string> {
    const { entry } = await this.log.append((links) => ({
      kind: 'received',
      request: nextNumber(erasureRequests(links)),
      client,
      ...(rows && { rows: [...rows] }),
      ...(subject !== undefined && { subject }),
    }));
    return entry.request;
  }

  /** Appends an event, if it can follow. @throws {Refusal} `erasure.wrong-state`, `erasure.unverified` */
  async note(event: ErasureEvent): Promise<void> {
    await this.log.append((links) => {
      after(erasureRequests(links).get(event.request), event, new Date(this.now()).toISOString());
      return event;
    });
  }
}
