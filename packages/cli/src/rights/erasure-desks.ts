import { join } from 'node:path';
import type { remedyChoiceSchema } from '@tutti/server/api';
import { Refusal } from '@tutti/shared/errors';
import type { z } from 'zod';
import type { ErasureCertificate, ErasureRequest, Remedy } from '@tutti/shared/rights';
import type { RemedyCosts, ReplayCost } from '@tutti/simulation';
import { openClient, type AccessFlags } from '../coordinator/access.js';
import type { ApiClient } from '../coordinator/api-client.js';
import { runObserver } from '../output/observer.js';
import type { Surroundings } from '../surroundings.js';

/** A request as whoever answers it sees it. */
export type DeskRequest = Omit<ErasureRequest, 'begun'> & {
  readonly begun?: Pick<NonNullable<ErasureRequest['begun']>, 'remedy' | 'replayed' | 'successor'>;
};

/** What each remedy costs and gives; a deployment has no approximate one. */
export type Costs = Omit<RemedyCosts, 'approximate' | 'exact'> &
  Partial<Pick<RemedyCosts, 'approximate'>> & { readonly exact: KnownCost };

/** A coordinator does not know for ever how long its rounds took. */
export type KnownCost = Omit<ReplayCost, 'seconds'> & { readonly seconds?: number | undefined };

/** A request, and while it is open what each remedy costs and gives. */
export interface ShownRequest {
  readonly request: DeskRequest;
  readonly costs?: Costs | undefined;
}

export interface Asking {
  readonly rows?: readonly number[] | undefined;
  readonly subject?: string | undefined;
  readonly evidence?: string | undefined;
}

export interface Wish {
  readonly remedy: Remedy;
  readonly epsilon?: number | undefined;
  readonly json?: boolean | undefined;
}

/** Where requests for erasure are received and answered: of one run, or of a coordinator. */
export interface Desk {
  receive(client: string, asking: Asking): Promise<readonly ShownRequest[]>;
  requests(): Promise<readonly DeskRequest[]>;
  show(number: string): Promise<ShownRequest>;
  /** @returns undefined where it was interrupted */
  remedy(number: string, wish: Wish): Promise<DeskRequest | undefined>;
  verify(number: string): Promise<DeskRequest>;
  close(number: string): Promise<{ readonly certificate: ErasureCertificate; readonly where: string }>;
}

/** @param where - the folder of a run, or the address of a coordinator */
export async function openDesk(where: string, flags: AccessFlags, surroundings: Surroundings): Promise<Desk> {
  if (!/^https?:\/\//.test(where)) return runDesk(where, surroundings);
  return coordinatorDesk(await openClient({ ...flags, coordinator: where }, surroundings), where);
}

async function runDesk(path: string, surroundings: Surroundings): Promise<Desk> {
  // It brings the training backends with it.
  const { ErasureDesk } = await import('@tutti/simulation');
  const desk = new ErasureDesk(path);
  return {
    receive: async (client, { rows, subject }) => [
      await desk.receive(client, { ...(rows && { rows }), ...(subject !== undefined && { subject }) }),
    ],
    requests: async () => [...(await desk.requests()).values()],
    show: async (number) => {
      const request = await desk.request(number);
      return { request, ...(request.state !== 'closed' && { costs: await desk.costs(number) }) };
    },
    remedy: async (number, { remedy, epsilon, json = false }) => {
      const observer = runObserver(json, surroundings);
      const controller = new AbortController();
      const forget = surroundings.onInterrupt(() => {
        if (controller.signal.aborted) surroundings.exit(130);
        observer.interrupted();
        controller.abort();
      });
      try {
        const outcome = await desk.remedy(number, {
          remedy,
          ...(epsilon !== undefined && { epsilonBudget: epsilon }),
          signal: controller.signal,
          observe: (event) => observer.observe(event),
        });
        return outcome && (await desk.request(number));
      } finally {
        forget();
        observer.close();
      }
    },
    verify: (number) => desk.verify(number),
    close: async (number) => ({
      certificate: await desk.close(number),
      where: join(path, 'erasures', number, 'certificate.json'),
    }),
  };
}

function coordinatorDesk(client: ApiClient, url: string): Desk {
  const shown = async (number: string): Promise<ShownRequest> => {
    const { request, choice } = await client.call('showErasure', { named: number });
    return { request: request as DeskRequest, ...(choice && { costs: costsOf(choice) }) };
  };
  return {
    receive: async (name, { rows, subject, evidence }) => {
      if (rows !== undefined || subject !== undefined) throw rowsElsewhere();
      if (evidence === undefined) throw noEvidence();
      const received = await client.call('receiveErasure', { body: { client: name, evidence } });
      return Promise.all(received.map(({ number }) => shown(number)));
    },
    requests: async () => (await client.call('listErasures')) as readonly DeskRequest[],
    show: shown,
    remedy: async (number, { remedy, epsilon }) => {
      if (remedy === 'approximate') throw notOffered();
      const body = { remedy, ...(epsilon !== undefined && { epsilon }) };
      return (await client.call('remedyErasure', { named: number, body })) as DeskRequest;
    },
    verify: async (number) => (await client.call('verifyErasure', { named: number })) as DeskRequest,
    close: async (number) => {
      const certificate = await client.call('closeErasure', { named: number });
      const { request } = await shown(number);
      return { certificate, where: new URL(`/artifacts/${request.certificate ?? ''}`, url).href };
    },
  };
}

type Choice = z.output<typeof remedyChoiceSchema>;

/** JSON has no infinity: it says null where no bound can be given. */
function costsOf({ exact, certified, ...rest }: Choice): Costs {
  return {
    ...rest,
    exact: {
      ...exact,
      epsilonNow: exact.epsilonNow ?? Infinity,
      epsilonAfter: exact.epsilonAfter ?? Infinity,
    },
    certified: { ...certified, coordinator: certified.coordinator ?? Infinity },
  };
}

function rowsElsewhere(): Refusal {
  return new Refusal(
    'erasure.rows',
    'A coordinator knows no rows and no people of its clients.',
    'Let the client note it: `tutti consent withdraw`. Its rows are left out from the next round on.',
  );
}

function noEvidence(): Refusal {
  return new Refusal(
    'erasure.no-evidence',
    'Nothing says that the client has asked for this.',
    'Say with --evidence where the proof is; or let the client sign it: `tutti client withdraw`.',
  );
}

function notOffered(): Refusal {
  return new Refusal(
    'erasure.approximate',
    'The approximate remedy is not offered in a deployment: the client that has left would have to train once more.',
    'Choose the exact remedy or the certified one.',
  );
}
