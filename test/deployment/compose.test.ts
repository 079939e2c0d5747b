import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { openStorage, readSettings } from '@tutti/server';
import { run } from '../cli/command.js';
import { TestBucket } from '../support/bucket.js';
import { temporaryDirectory } from '../support/temporary.js';

const text = (path: string) => readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

const composeSchema = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string().optional(),
      command: z.array(z.string()).optional(),
      environment: z.record(z.string(), z.string()).default({}),
    }),
  ),
});
const identitiesSchema = z.object({
  identities: z.array(
    z.object({
      name: z.string(),
      credentials: z.array(z.object({ accessKey: z.string(), secretKey: z.string() })),
      actions: z.array(z.string()),
    }),
  ),
});

const services = async () =>
  composeSchema.parse(parse(await text('compose.federation.yml'), { merge: true })).services;

/** The settings that a coordinator of the compose file has, made as its script makes them. */
async function settings() {
  const folder = join(await temporaryDirectory(), 'federation');
  const made = await run(['coordinator', 'init', folder, '--url', 'http://coordinator:7430', '--json']);
  expect(made.code, made.stderr).toBe(0);
  const path = join(folder, 'coordinator.yaml');
  await appendFile(path, await text('examples/compose/settings.yaml'));
  return (await readSettings(path)).settings;
}

describe('compose.federation.yml', () => {
  it('brings up two coordinators, alike but for their addresses, PostgreSQL, object storage, Prometheus and clients', async () => {
    const { bucket, client, setup, ...rest } = await services();
    expect(client).toBeDefined();
    expect(setup).toBeDefined();
    expect(bucket?.image).toBe(rest['storage']?.image);
    expect(Object.keys(rest).sort()).toEqual([
      'coordinator-a',
      'coordinator-b',
      'postgres',
      'prometheus',
      'storage',
    ]);
    const { TUTTI_URL: a, ...ofA } = rest['coordinator-a']?.environment ?? {};
    const { TUTTI_URL: b, ...ofB } = rest['coordinator-b']?.environment ?? {};
    expect([a, b]).toEqual(['http://coordinator-a:7430', 'http://coordinator-b:7430']);
    expect(ofA).toEqual(ofB);
    expect(await text('examples/compose/coordinator.sh')).toContain('--url "$TUTTI_URL"');
  });

  it('pins every image that it does not build', async () => {
    const images = Object.values(await services()).flatMap(({ image }) => image ?? []);
    expect(images.length).toBeGreaterThan(3);
    for (const image of images) expect(image).toMatch(/:v?\d[\w.-]*$/);
  });

  it('tells coordinators of the storage that it brings up, by the bucket that it makes', async () => {
    const { storage } = await settings();
    const { hostname, port } = new URL(storage?.endpoint ?? '');
    const command = (await services())[hostname]?.command;
    expect(command).toContain(`-s3.port=${port}`);
    expect(command).toContain(`-ip=${hostname}`);
    expect(await text('examples/compose/bucket.sh')).toContain(
      `s3.bucket.create -name ${String(storage?.bucket)} -owner coordinator`,
    );
  });

  it('hands coordinators credentials that may read, write and list that bucket, and nothing else', async () => {
    const { storage } = await settings();
    const { identities } = identitiesSchema.parse(
      JSON.parse(await text('examples/compose/storage.json')) as unknown,
    );
    const { environment } = (await services())['coordinator-a']!;
    expect(identities).toEqual([
      {
        name: 'coordinator',
        credentials: [
          {
            accessKey: environment['AWS_ACCESS_KEY_ID'],
            secretKey: environment['AWS_SECRET_ACCESS_KEY'],
          },
        ],
        actions: ['Read', 'Write', 'List'].map((action) => `${action}:${String(storage?.bucket)}`),
      },
    ]);
  });

  it('opens S3-compatible storage with those settings and that environment', async () => {
    const { storage, metrics } = await settings();
    expect(metrics.open).toBe(true);
    const { environment } = (await services())['coordinator-a']!;
    const bucket = await TestBucket.start({
      bucket: 'tutti',
      credentials: { accessKeyId: 'tutti', secretAccessKey: 'tutti-of-this-machine' },
    });
    const here = storage && { ...storage, endpoint: bucket.endpoint };
    const opened = await openStorage(here, 'nowhere', environment);
    expect(await opened.get('artifacts/none')).toBeUndefined();
    const strict = storage && { ...storage, insecure: false };
    await expect(openStorage(strict, 'nowhere', environment)).rejects.toMatchObject({
      code: 'storage.no-tls',
    });
  });
});
