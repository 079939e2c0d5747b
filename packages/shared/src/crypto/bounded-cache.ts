/** A map that forgets its oldest entries when it grows beyond `capacity`. For public values only. */
export class BoundedCache<Value> {
  private readonly entries = new Map<string, Value>();

  constructor(private readonly capacity: number) {}

  /** The value kept under `key`, or the one that `make` makes, which is then kept. */
  get(key: string, make: () => Value): Value {
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const made = make();
    if (this.entries.size >= this.capacity) {
      const oldest = this.entries.keys().next();
      if (oldest.done !== true) this.entries.delete(oldest.value);
    }
    this.entries.set(key, made);
    return made;
  }

  clear(): void {
    this.entries.clear();
  }
}

/** Bytes as a map key: one UTF-16 unit a byte. */
export function bytesKey(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
