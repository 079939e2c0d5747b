import { z } from 'zod';
import { fromHex, toHex, type KeyPair, type Primitives } from '../crypto/index.js';
import { canonicalJson } from '../privacy/index.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const LABEL = 'tutti-records-v1';
const MANIFEST = 'manifest.json';
/** No name that could leave the folder it is unpacked into. */
const NAME = /^(?!.*\.\.)[\w-][\w./-]{0,199}$/;
/** Bytes of all files together, unpacked. */
const LARGEST = 2 ** 31 - 1;

const bodySchema = z.strictObject({
  format: z.literal(LABEL),
  issued: z.iso.datetime(),
  /** Head of the privacy ledger that is in the archive. */
  ledger: z.strictObject({ head: hash.nullable(), entries: z.int().min(0) }),
  files: z.array(z.strictObject({ name: z.string().regex(NAME), sha256: hash, bytes: z.int().min(0) })),
});

const manifestSchema = z.strictObject({
  body: bodySchema,
  /** Ed25519 public key of the coordinator, hex. */
  coordinator: hash,
  /** Ed25519 over the label and the canonical form of the body, hex. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});

/** What is in an archive of records, over the coordinator's signature. */
export type RecordsManifest = z.output<typeof manifestSchema>;

/** The records by their names: paths with slashes, without `..`. */
export type RecordFiles = Readonly<Record<string, Uint8Array>>;

/** Everything that a controller has to be able to show as one ZIP file, with a manifest of hashes that the coordinator has signed. */
export async function packRecords(
  primitives: Pick<Primitives, 'sha256' | 'sign'>,
  coordinator: KeyPair,
  about: Pick<RecordsManifest['body'], 'issued' | 'ledger'>,
  files: RecordFiles,
): Promise<Uint8Array> {
  const body = bodySchema.parse({
    format: LABEL,
    ...about,
    files: Object.entries(files).map(([name, content]) => ({
      name,
      sha256: toHex(primitives.sha256(content)),
      bytes: content.length,
    })),
  });
  const signature = toHex(await primitives.sign(coordinator.secretKey, signedBytes(body)));
  const manifest: RecordsManifest = { body, coordinator: toHex(coordinator.publicKey), signature };
  const written = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
  const { zipSync } = await import('fflate');
  return zipSync({ [MANIFEST]: written, ...files }, { mtime: new Date(about.issued) });
}

export type RecordsVerdict =
  | { readonly ok: true; readonly manifest: RecordsManifest; readonly files: RecordFiles }
  | { readonly ok: false; readonly reason: string };

/**
 * Checks an archive: the signature, and that it holds the files of its manifest, these and no others, bit for bit. It shows who says it; the chains
 * inside, of ledger and requests, are to be verified by themselves.
 *
 * @param coordinator - the public key, hex, that must have signed, where it is known from elsewhere
 */
export async function verifyRecords(
  primitives: Pick<Primitives, 'sha256' | 'verify'>,
  archive: Uint8Array,
  coordinator?: string,
): Promise<RecordsVerdict> {
  const failed = (reason: string) => ({ ok: false, reason }) as const;
  const unpacked = await unpack(archive);
  if (unpacked === undefined) return failed('not a ZIP file of records');
  const { [MANIFEST]: written, ...files } = unpacked;
  const parsed = manifestSchema.safeParse(written && parseJson(written));
  if (!parsed.success) return failed('it has no manifest of records');
  const manifest = parsed.data;
  if (coordinator !== undefined && manifest.coordinator !== coordinator)
    return failed('signed by another coordinator');
  const holds = await primitives.verify(
    fromHex(manifest.coordinator),
    signedBytes(manifest.body),
    fromHex(manifest.signature),
  );
  if (!holds) return failed('its manifest was changed after it was signed');
  const listed = new Set(manifest.body.files.map(({ name }) => name));
  const stray = Object.keys(files).find((name) => !listed.has(name));
  if (stray !== undefined) return failed('a file is in it that its manifest does not name');
  for (const { name, sha256 } of manifest.body.files) {
    const content = files[name];
    if (content === undefined) return failed(`${name} is missing`);
    if (toHex(primitives.sha256(content)) !== sha256) return failed(`${name} was changed`);
  }
  return { ok: true, manifest, files };
}

/** The files of a ZIP file, each name once; undefined where it is none, or is too large. */
async function unpack(archive: Uint8Array): Promise<RecordFiles | undefined> {
  const names = new Set<string>();
  let size = 0;
  const unfit = (name: string) => names.has(name) || !NAME.test(name) || size > LARGEST;
  // Clients load this room as well, and open no archive.
  const { unzipSync } = await import('fflate');
  try {
    return unzipSync(archive, {
      filter: ({ name, originalSize }) => {
        size += originalSize;
        if (unfit(name)) throw new Error('not a file of records');
        names.add(name);
        return true;
      },
    });
  } catch {
    return undefined;
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

function signedBytes(body: RecordsManifest['body']): Uint8Array {
  return new TextEncoder().encode(`${LABEL}\0${canonicalJson(body)}`);
}
