/** Stands in for the binding for Node where there is no Node. */
export function importNative(): Promise<void> {
  return Promise.reject(new Error('it runs in Node only'));
}
