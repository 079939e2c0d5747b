import { z } from 'zod';
import { ENDPOINTS, type Endpoint } from './endpoints.js';
import { problemSchema } from './schemas.js';

type Json = Record<string, unknown>;

/** The administration's description for other programs: OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.1. */
export function openApi(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method]: operation(name, endpoint) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tutti coordinator',
      version,
      description: 'Administration of a coordinator. Clients of a federation do not use it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: { Problem: jsonSchema(problemSchema, 'output') },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
    security: [{ bearer: [] }],
  };
}

function operation(name: string, { path, summary, role, query, body, answer, type }: Endpoint): Json {
  const problem = {
    description: 'What is wrong, and what can be done about it',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  const media = type ?? 'application/json';
  return {
    operationId: name,
    summary,
    description: `For the role \`${role}\` and those above it.`,
    parameters: [...pathParameters(path), ...queryParameters(query)],
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(body, 'input') } } },
    }),
    responses: {
      '200': {
        description: summary,
        ...((answer ?? type) && {
          content: { [media]: { schema: answer ? jsonSchema(answer, 'output') : { type: 'string' } } },
        }),
      },
      '401': problem,
      '403': problem,
      default: problem,
    },
  };
}

function pathParameters(path: string): readonly Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(query: z.ZodObject | undefined): readonly Json[] {
  if (query === undefined) return [];
  const { properties = {} } = jsonSchema(query, 'input') as { properties?: Record<string, Json> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  return { ...z.toJSONSchema(schema, { io, unrepresentable: 'any' }), $schema: undefined };
}
