/**
 * A public randomness beacon (drand, NIST) as one party knows it. The value is fetched and its signature verified apart from the
 * coordinator; how, is the shell's matter.
 */
export interface BeaconSource {
  /** The chain that this party relies on, 32 bytes. */
  readonly chain: Uint8Array;
  /** Its public key, as the chain encodes it. */
  readonly publicKey: Uint8Array;
  /** When a value appears, in Unix milliseconds. */
  publishedAt(round: number): number;
  /**
   * The verified value, once it is out. Rejects where it cannot be had or does not verify, and by itself, in bounded time after it should have been out:
   * whoever waits for it takes no message meanwhile and forgets no secret.
   */
  value(round: number): Promise<Uint8Array>;
}
