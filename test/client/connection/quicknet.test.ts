import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toHex } from '@tutti/shared/crypto';
import { quicknetOverHttps } from '@tutti/client';
import recorded from '../../vectors/drand/quicknet.json' with { type: 'json' };

const { round, signature, randomness } = recorded[0]!;

/** A relay on this machine. Returns its address, and the paths that it was asked for. */
async function relay(answer: RequestListener): Promise<{ url: string; paths: string[] }> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths };
}

const good = () => relay((_, response) => response.end(JSON.stringify({ round, signature, randomness })));

describe('quicknet over HTTPS', () => {
  it('asks a relay for the chain and the round, and gives the value', async () => {
    const { url, paths } = await good();
    expect(toHex(await quicknetOverHttps([url]).value(round))).toBe(randomness);
    expect(paths).toEqual([
      `/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/public/${round}`,
    ]);
  });

  it.each<[string, RequestListener]>([
    ['does not have it', (_, response) => response.writeHead(404).end()],
    [
      'sends it to another place',
      (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1' }).end(),
    ],
    ['answers with no JSON', (_, response) => response.end('<html>')],
    [
      'answers without end',
      (_, response) => response.end(JSON.stringify({ round, signature, more: 'x'.repeat(20_000) })),
    ],
    ['closes the connection', (request) => request.socket.destroy()],
  ])('passes over a relay that %s', async (_, answer) => {
    const [bad, other] = [await relay(answer), await good()];
    expect(toHex(await quicknetOverHttps([bad.url, other.url]).value(round))).toBe(randomness);
    expect([bad.paths.length, other.paths.length]).toEqual([1, 1]);
  });
});
