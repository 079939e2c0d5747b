/**
 * Every error that Tutti raises on purpose. It carries a stable code for programs and a remedy for people,
 * and never private data: no example, no update, no key, no secret share.
 */
export class TuttiError extends Error {
  override readonly name: string = 'TuttiError';

  /**
   * @param code - stable, dotted, lower case: `secagg.below-threshold`
   * @param message - what was found and what was expected
   * @param remedy - what the reader can do about it
   */
  constructor(
    readonly code: string,
    message: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A refusal: the input was understood, and accepting it would break a promise. */
export class Refusal extends TuttiError {
  override readonly name = 'Refusal';
}
