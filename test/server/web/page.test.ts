import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ArtifactFiles, createWebApp } from '@tutti/server';
import { temporaryDirectory } from '../../support/temporary.js';

async function served() {
  const outside = await temporaryDirectory();
  const folder = join(outside, 'page');
  await mkdir(join(folder, 'tutti'), { recursive: true });
  await writeFile(join(outside, 'secret.txt'), 'secret');
  await writeFile(join(folder, '.env'), 'secret');
  await writeFile(join(folder, 'index.html'), '<h1>Take part</h1>');
  await writeFile(join(folder, 'tutti', 'tutti.js'), 'export {}');
  return createWebApp({ artifacts: await ArtifactFiles.open(join(outside, 'files')), page: folder });
}

describe('a page that a coordinator serves', () => {
  it('is at /page/, with its scripts beside it, in no frame', async () => {
    const app = await served();
    const page = await app.request('/page/');
    expect(await page.text()).toContain('Take part');
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const script = await app.request('/page/tutti/tutti.js');
    expect(script.headers.get('content-type')).toContain('text/javascript');
    expect((await app.request('/page')).headers.get('location')).toBe('/page/');
  });

  it.each([
    '/page/../secret.txt',
    '/page/%2e%2e/secret.txt',
    '/page/..%2fsecret.txt',
    '/page/tutti/..%5c..%5csecret.txt',
    '/page//etc/passwd',
    '/page/.env',
    '/page/%2eenv',
    '/page/absent.js',
  ])('does not hand out %s', async (path) => {
    const response = await (await served()).request(path);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain('secret');
  });

  it('is not there unless it is wanted', async () => {
    const app = createWebApp({ artifacts: await ArtifactFiles.open(await temporaryDirectory()) });
    expect((await app.request('/page/')).status).toBe(404);
  });
});
