import util from 'node:util';

/**
 * Imports the TensorFlow binding for Node, which registers the backend `tensorflow`. Throws when the optional package is absent or
 * present without its native library.
 *
 * The binding calls `util.isNullOrUndefined`, which Node 23 removed: it is put back first.
 */
export async function importNative(): Promise<void> {
  const node = util as { isNullOrUndefined?: (value: unknown) => boolean };
  node.isNullOrUndefined ??= (value) => value === null || value === undefined;
  // The library's notes on the processor would go to standard error; its warnings still do.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';
  // Not a literal: the package is optional, and the compiler would insist on finding it.
  const optional: string = '@tensorflow/tfjs-node';
  await import(optional);
}
