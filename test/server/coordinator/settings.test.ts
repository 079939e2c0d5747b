import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  coordinatorSettingsSchema,
  parseSettings,
  readCoordinatorKey,
  requireSafeListening,
  writeCoordinatorKey,
} from '@tutti/server';
import { createIdentity } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { temporaryDirectory } from '../../support/temporary.js';

const keys = { authority: 'a'.repeat(64), group: 'b'.repeat(64) };
const listening = (listen: Record<string, unknown>) => coordinatorSettingsSchema.parse({ keys, listen });

describe('a coordinator’s settings', () => {
  it('listen on loopback unless they say otherwise', () => {
    const settings = parseSettings(`keys: ${JSON.stringify(keys)}`, 'test');
    expect(settings.listen.host).toBe('127.0.0.1');
    expect(() => requireSafeListening(settings)).not.toThrow();
  });

  it.each([
    ['0.0.0.0', {}, 'coordinator.no-tls'],
    ['::', {}, 'coordinator.no-tls'],
    ['127.0.0.1.example.org', {}, 'coordinator.no-tls'],
    ['127.0.0.1', { certificate: 'tls.crt' }, 'coordinator.half-tls'],
  ])('are refused for listening on %s with %j', (host, rest, code) => {
    expect(() => requireSafeListening(listening({ host, ...rest }))).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it.each([{ certificate: 'tls.crt', key: 'tls.key' }, { behindProxy: true }, { insecure: true }])(
    'may listen everywhere with %j',
    (rest) => {
      expect(() => requireSafeListening(listening({ host: '0.0.0.0', ...rest }))).not.toThrow();
    },
  );

  it.each([{ rounds: 30 }, { checkpoints: 30, rounds: 29 }])(
    'are refused where records of rounds would go before their checkpoints: %j',
    (retention) => {
      expect(() => parseSettings(JSON.stringify({ keys, retention }), 'test')).toThrow(
        expect.objectContaining({
          code: 'coordinator.settings',
          message: expect.stringContaining('retention.checkpoints') as string,
        }),
      );
    },
  );

  it('may keep records of rounds for as long as their checkpoints, or longer', () => {
    for (const retention of [{ checkpoints: 30, rounds: 30 }, { checkpoints: 1, rounds: 365 }, {}])
      expect(parseSettings(JSON.stringify({ keys, retention }), 'test').retention).toEqual(retention);
  });

  it.each(['keys: [', 'listen: { port: 70000 }', `keys: ${JSON.stringify(keys)}\nlistne: {}`])(
    'are refused where they are wrong: %j',
    (text) => {
      expect(() => parseSettings(text, 'test')).toThrow(
        expect.objectContaining({ code: 'coordinator.settings' }),
      );
    },
  );
});

describe('a coordinator’s key', () => {
  it('comes back from its file, is never overwritten, and is refused where others could read it', async () => {
    const path = join(await temporaryDirectory(), 'key.json');
    const pair = await createIdentity(primitives, systemRandom);
    await writeCoordinatorKey(path, pair);
    expect(await readCoordinatorKey(path, primitives)).toEqual(pair);
    await expect(writeCoordinatorKey(path, pair)).rejects.toMatchObject({ code: 'coordinator.exists' });
    await chmod(path, 0o644);
    await expect(readCoordinatorKey(path, primitives)).rejects.toMatchObject({
      code: 'coordinator.permissions',
    });
  });

  it('is refused where it is none, or half another’s', async () => {
    const directory = await temporaryDirectory();
    const [one, other] = [
      await createIdentity(primitives, systemRandom),
      await createIdentity(primitives, systemRandom),
    ];
    await writeCoordinatorKey(join(directory, 'mixed'), {
      publicKey: one.publicKey,
      secretKey: other.secretKey,
    });
    await expect(readCoordinatorKey(join(directory, 'mixed'), primitives)).rejects.toMatchObject({
      code: 'coordinator.mismatch',
    });
    await writeFile(join(directory, 'none'), '{}', { mode: 0o600 });
    await expect(readCoordinatorKey(join(directory, 'none'), primitives)).rejects.toMatchObject({
      code: 'coordinator.key',
    });
  });
});
