import { describe, expect, it } from 'vitest';
import { HttpArtifacts, type Fetch } from '@tutti/client';

const LARGEST = 100_000;

/** A coordinator that answers with these parts, and counts how many of them are asked for. */
function answering(parts: readonly Uint8Array[], headers: Record<string, string> = {}) {
  const asked = { parts: 0 };
  const request: Fetch = () =>
    Promise.resolve(
      new Response(
        new ReadableStream<Uint8Array>(
          {
            pull(controller) {
              const part = parts[asked.parts++];
              if (part === undefined) controller.close();
              else controller.enqueue(part);
            },
          },
          { highWaterMark: 0 },
        ),
        { headers },
      ),
    );
  return { asked, artifacts: new HttpArtifacts('https://coordinator.example', request, LARGEST) };
}

const parts = (count: number, size: number) =>
  Array.from({ length: count }, (_, k) => new Uint8Array(size).fill(k));

describe('what a coordinator hands out', () => {
  it('arrives as it was sent, whether its length was announced or not', async () => {
    const sent = parts(9, 9_000);
    const whole = Buffer.concat(sent);
    for (const headers of [{}, { 'content-length': '81000' }]) {
      const bytes = await answering(sent, headers).artifacts.fetch('00');
      expect(Buffer.compare(bytes, whole)).toBe(0);
    }
  });

  it('is refused before it is read where it is announced as too large', async () => {
    const { artifacts, asked } = answering(parts(9, 9_000), { 'content-length': '100001' });
    await expect(artifacts.fetch('00')).rejects.toMatchObject({ code: 'artifact.too-large' });
    expect(asked.parts).toBe(0);
  });

  it.each([{}, { 'content-length': '10' }])(
    'is left off once it is more than is taken, whatever was announced, case %#',
    async (headers) => {
      const { artifacts, asked } = answering(parts(1_000, 9_000), headers);
      await expect(artifacts.fetch('00')).rejects.toMatchObject({ code: 'artifact.too-large' });
      expect(asked.parts).toBeLessThan(20);
    },
  );

  it('is unavailable where the connection breaks', async () => {
    const request: Fetch = () =>
      Promise.resolve(
        new Response(
          new ReadableStream({
            pull(controller) {
              controller.error(new Error('cut'));
            },
          }),
        ),
      );
    await expect(new HttpArtifacts('https://coordinator.example', request).fetch('00')).rejects.toMatchObject(
      { code: 'artifact.unavailable' },
    );
  });
});
