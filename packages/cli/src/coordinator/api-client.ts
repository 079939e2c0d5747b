import { z } from 'zod';
import type { EndpointName, Endpoint, ENDPOINTS } from '@tutti/server/api';
import { Refusal, TuttiError } from '@tutti/shared/errors';

/** Where a coordinator's administration is, and who asks. */
export interface AdminAccess {
  readonly url: string;
  readonly token: string;
}

type Output<Name extends EndpointName> = (typeof ENDPOINTS)[Name] extends {
  readonly answer: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;

type Input<Name extends EndpointName> = (typeof ENDPOINTS)[Name] extends {
  readonly body: infer Schema extends z.ZodType;
}
  ? z.input<Schema>
  : undefined;

interface Request<Name extends EndpointName> {
  /** What stands for the `{…}` of the path. */
  readonly named?: string;
  readonly body?: Input<Name>;
  readonly query?: Readonly<Record<string, string | number>>;
}

const problemSchema = z.object({ code: z.string(), message: z.string(), remedy: z.string() });

/** Asks a coordinator's administration, and checks what it answers. */
export class ApiClient {
  private constructor(
    private readonly access: AdminAccess,
    private readonly endpoints: Readonly<Record<EndpointName, Endpoint>>,
  ) {}

  static async open(access: AdminAccess): Promise<ApiClient> {
    const { ENDPOINTS: endpoints } = await import('@tutti/server/api');
    return new ApiClient(access, endpoints);
  }

  /**
   * @throws {Refusal} as the coordinator refuses
   * @throws {TuttiError} `coordinator.unreachable`, `coordinator.failed`, `coordinator.other-version`
   */
  async call<Name extends EndpointName>(name: Name, request: Request<Name> = {}): Promise<Output<Name>> {
    const { answer } = this.endpoints[name];
    const response = await this.send(name, request);
    if (answer === undefined) return undefined as Output<Name>;
    const parsed = answer.safeParse(await response.json().catch(() => undefined));
    if (parsed.success) return parsed.data as Output<Name>;
    throw new TuttiError(
      'coordinator.other-version',
      'The coordinator answered in a way that this version does not know.',
      'Run the coordinator’s version of Tutti.',
    );
  }

  /** The answer of an endpoint that is text. Throws as {@link call} does. */
  async text(
    name: EndpointName,
    request: Pick<Request<EndpointName>, 'named' | 'query'> = {},
  ): Promise<string> {
    return (await this.send(name, request)).text();
  }

  /** What lies at an address of the coordinator. Throws as {@link call} does. */
  async bytes(path: string): Promise<Uint8Array> {
    const response = await this.fetch(new URL(path, this.access.url), {});
    return new Uint8Array(await response.arrayBuffer());
  }

  private send(name: EndpointName, { named, body, query }: Request<EndpointName>): Promise<Response> {
    const { method, path } = this.endpoints[name];
    const url = new URL(path.replace(/\{\w+\}/, encodeURIComponent(named ?? '')), this.access.url);
    for (const [key, value] of Object.entries(query ?? {})) url.searchParams.set(key, String(value));
    return this.fetch(url, {
      method: method.toUpperCase(),
      ...(this.endpoints[name].body && { body: JSON.stringify(body) }),
    });
  }

  private async fetch(url: URL, init: RequestInit): Promise<Response> {
    const { url: base, token } = this.access;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(url, { ...init, headers, redirect: 'error' }).catch((cause: unknown) => {
      throw new TuttiError(
        'coordinator.unreachable',
        `The coordinator at ${base} does not answer.`,
        'Check the address and that it is running; NODE_EXTRA_CA_CERTS names a certificate authority of your own.',
        { cause },
      );
    });
    if (response.ok) return response;
    const problem = problemSchema.safeParse(await response.json().catch(() => undefined));
    if (!problem.success) {
      throw new TuttiError(
        'coordinator.failed',
        `The coordinator answered ${response.status}.`,
        'Look into its log.',
      );
    }
    const { code, message, remedy } = problem.data;
    throw response.status < 500 ? new Refusal(code, message, remedy) : new TuttiError(code, message, remedy);
  }
}
