import { readFile } from 'node:fs/promises';
import { request as requestHttps } from 'node:https';
import { Readable } from 'node:stream';
import { Refusal } from '@tutti/shared/errors';
import type { Fetch } from '../connection/artifacts.js';

/**
 * A `fetch` over HTTPS that believes these certificate authorities and no others: for coordinators whose certificate no public authority
 * made. Node's own `fetch` takes no authorities.
 *
 * @param certificates - PEM
 */
export function fetchTrusting(certificates: string): Fetch {
  return (url, init = {}) =>
    new Promise((resolve, reject) => {
      const request = requestHttps(
        url,
        {
          method: init.method ?? 'GET',
          ca: certificates,
          headers: Object.fromEntries(new Headers(init.headers)),
          ...(init.signal && { signal: init.signal }),
        },
        (response) => {
          const headers = Object.entries(response.headers).flatMap(([name, value]) =>
            value === undefined ? [] : [[name, String(value)] as [string, string]],
          );
          // As it comes: how much of it is taken in, the reader says.
          const body = Readable.toWeb(response) as ReadableStream<Uint8Array>;
          resolve(new Response(body, { status: response.statusCode ?? 500, headers }));
        },
      );
      request.on('error', reject);
      request.end(typeof init.body === 'string' ? init.body : undefined);
    });
}

/** {@link fetchTrusting} with the authorities of a PEM file. @throws {Refusal} `client.certificates` where there is none */
export async function fetchTrustingFile(path: string): Promise<Fetch> {
  return fetchTrusting(await readCertificates(path));
}

/** The certificate authorities in a PEM file. @throws {Refusal} `client.certificates` */
export async function readCertificates(path: string): Promise<string> {
  const pem = await readFile(path, 'utf8').catch(() => '');
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new Refusal(
    'client.certificates',
    `${path} is no PEM file of certificates.`,
    'Ask the coordinator’s operator for the certificate of the authority that signed the coordinator’s.',
  );
}
