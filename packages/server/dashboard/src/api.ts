import { createParser } from 'eventsource-parser';
import type { z } from 'zod';
import type { ENDPOINTS, EndpointName } from '../../src/api/endpoints.js';
import type { CoordinatorEvent } from '../../src/api/schemas.js';

/** What the coordinator answers when it does not do what was asked. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

type Answer<Name extends EndpointName> = (typeof ENDPOINTS)[Name] extends { answer: infer Schema }
  ? Schema extends z.ZodType
    ? z.output<Schema>
    : undefined
  : undefined;

/** The administration, asked in the name of whoever holds the token. */
export class Api {
  constructor(private readonly token: string) {}

  /** @throws {Problem} what the coordinator refuses; status 0 where it does not answer */
  async get<Name extends EndpointName>(_endpoint: Name, path: string): Promise<Answer<Name>> {
    return (await (await this.ask('GET', path)).json()) as Answer<Name>;
  }

  async post<Name extends EndpointName>(
    _endpoint: Name,
    path: string,
    body?: unknown,
  ): Promise<Answer<Name>> {
    return (await (await this.ask('POST', path, body)).json()) as Answer<Name>;
  }

  /** A file, to be saved. */
  async file(path: string): Promise<Blob> {
    return (await this.ask('GET', path)).blob();
  }

  /** Lines of JSON, each parsed. */
  async lines(path: string): Promise<readonly unknown[]> {
    const text = await (await this.ask('GET', path)).text();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  }

  /** Follows what happens until the signal is given. Throws when the stream ends. */
  async follow(observe: (event: CoordinatorEvent) => void, signal: AbortSignal): Promise<never> {
    const response = await this.ask('GET', '/api/events', undefined, signal);
    const parser = createParser({ onEvent: ({ data }) => observe(JSON.parse(data) as CoordinatorEvent) });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const piece = await reader?.read();
      if (piece === undefined || piece.done)
        throw new Problem(0, 'events.ended', 'The stream of events ended.', '');
      parser.feed(piece.value);
    }
  }

  private async ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const response = await fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    }).catch(() => {
      throw new Problem(
        0,
        'coordinator.away',
        'The coordinator does not answer.',
        'Check that it is running.',
      );
    });
    if (response.ok) return response;
    const { code, message, remedy } = (await response.json().catch(() => ({}))) as Partial<Problem>;
    throw new Problem(
      response.status,
      code ?? 'coordinator.failed',
      message ?? `The coordinator answered ${response.status}.`,
      remedy ?? '',
    );
  }
}
