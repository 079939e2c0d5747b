import { portable, type Primitives } from '@tutti/shared/crypto';
import { primitives as node } from '@tutti/shared/crypto/primitives';
import { createWebPrimitives, primitives as web } from '@tutti/shared/crypto/web';

/** WebCrypto as in an engine that knows AES-CTR and neither curve. */
const withoutCurves = new Proxy(globalThis.crypto.subtle, {
  get(subtle, name) {
    const member: unknown = Reflect.get(subtle, name);
    if (typeof member !== 'function') return member;
    return (...parameters: unknown[]) =>
      parameters.some((parameter) => parameter === 'X25519' || parameter === 'Ed25519')
        ? Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError'))
        : (member.apply(subtle, parameters) as unknown);
  },
});

/** Every way in which Tutti's primitives can be provided, by name. All must behave alike. */
export const backends: [string, Primitives][] = [
  ['node', node],
  ['web', web],
  ['web without the curves', createWebPrimitives(withoutCurves)],
  ['web without HTTPS', createWebPrimitives(undefined)],
  ['portable', portable],
];
