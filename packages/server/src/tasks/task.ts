/** What a task has come to, as the store keeps it. */
export interface StoredTask {
  /** What is released: a model as clients download it, or statistics as a reader does. */
  readonly model: Uint8Array;
  /** What is remembered besides. */
  readonly state: Uint8Array;
}

/** What the rounds of a job are for. Pure: the round engine brings the sums, the store keeps the bytes. */
export interface Task {
  toBytes(): StoredTask;
  /** The task after a round whose noisy sum was `sum`. */
  complete(sum: Float64Array): Task;
}
