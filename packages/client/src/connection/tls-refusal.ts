import { Refusal } from '@tutti/shared/errors';

const AUTHORITY_UNKNOWN =
  'Ask the coordinator’s operator, not over this connection, for the certificate of the authority that signed it, and name the file in coordinator.certificates (--certificates). Never switch the check off.';

/** What TLS says of a certificate, by the code of OpenSSL or Node: what is wrong, and who can do what about it. */
const TROUBLES: Readonly<Record<string, readonly [code: string, message: string, remedy: string]>> = {
  CERT_HAS_EXPIRED: [
    'tls.expired',
    'The TLS certificate of the coordinator has expired.',
    'Check this machine’s date. If that is right, the coordinator’s operator must renew the certificate.',
  ],
  CERT_NOT_YET_VALID: [
    'tls.not-yet-valid',
    'The TLS certificate of the coordinator is not valid yet.',
    'Check this machine’s date. If that is right, tell the coordinator’s operator.',
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'tls.other-host',
    'The TLS certificate is of another host than the address says.',
    'Compare coordinator.url with the invitation. If it is right, the coordinator’s operator must have the certificate made for this name.',
  ],
};

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]);

/**
 * The refusal that a failed connection comes to where the server's certificate was not believed. Browsers tell a page nothing of it: there
 * it is undefined always.
 *
 * @param error - of `fetch`, of a request or of a socket; what it was caused by is looked at too
 * @returns `tls.unknown-authority`, `tls.expired`, `tls.not-yet-valid`, `tls.other-host`; undefined where it was something else
 */
export function tlsRefusal(error: unknown): Refusal | undefined {
  const seen = new Set<unknown>();
  for (let at = error; typeof at === 'object' && at !== null && !seen.has(at); at = within(at)) {
    seen.add(at);
    const { code } = at as { code?: unknown };
    if (typeof code !== 'string') continue;
    if (UNKNOWN_AUTHORITY.has(code)) {
      return new Refusal(
        'tls.unknown-authority',
        'The TLS certificate of the coordinator is from an authority that is not believed here.',
        AUTHORITY_UNKNOWN,
        { cause: error },
      );
    }
    const trouble = TROUBLES[code];
    if (trouble !== undefined) return new Refusal(...trouble, { cause: error });
  }
  return undefined;
}

/** What an error wraps: `fetch` says it in `cause`, the transport of socket.io in `description`, and that in `error`. */
function within(error: object): unknown {
  const { cause, description, error: inner } = error as Readonly<Record<string, unknown>>;
  return cause ?? description ?? inner;
}
