// TLS certificates that are made for one run and trusted by nobody else: for benches and tests.
// The library below asks for it.
import 'reflect-metadata';
import { Buffer } from 'node:buffer';
import { webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;
let serial = 0;

const nextSerial = () => (++serial).toString(16).padStart(16, '4');
const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

/** A certificate authority: its own certificate, and certificates that it makes for servers. */
export async function makeCertificateAuthority(name = 'Tutti test authority') {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: nextSerial(),
      name: `CN=${name}`,
      notBefore: new Date(Date.now() - 30 * DAY),
      notAfter: new Date(Date.now() + 30 * DAY),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return {
    /** PEM. */
    certificate: certificate.toString('pem'),
    /** For names or addresses of a server; `notAfter` may be past. */
    async issue(hosts, { notAfter = new Date(Date.now() + DAY) } = {}) {
      const own = await newKeys();
      const issued = await X509CertificateGenerator.create(
        {
          serialNumber: nextSerial(),
          subject: `CN=${hosts[0]}`,
          issuer: certificate.subject,
          notBefore: new Date(Date.now() - 10 * DAY),
          notAfter,
          signingAlgorithm: algorithm,
          publicKey: own.publicKey,
          signingKey: keys.privateKey,
          extensions: [
            new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
            new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
            new SubjectAlternativeNameExtension(
              hosts.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'ip' : 'dns', value })),
            ),
            await AuthorityKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
          ],
        },
        webcrypto,
      );
      const digest = await webcrypto.subtle.digest('SHA-256', issued.publicKey.rawData);
      return {
        /** PEM. */
        certificate: issued.toString('pem'),
        key: pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', own.privateKey)),
        /** SHA-256 of the public key, Base64, by which Chromium can be told to believe this certificate alone. */
        fingerprint: Buffer.from(digest).toString('base64'),
      };
    },
  };
}

function pem(label, bytes) {
  const lines = Buffer.from(bytes)
    .toString('base64')
    .match(/.{1,64}/g);
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
