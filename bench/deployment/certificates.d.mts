export interface ServerCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly fingerprint: string;
}

export interface CertificateAuthority {
  readonly certificate: string;
  issue(hosts: readonly string[], options?: { readonly notAfter?: Date }): Promise<ServerCertificate>;
}

export function makeCertificateAuthority(name?: string): Promise<CertificateAuthority>;
