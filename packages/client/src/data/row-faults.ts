import { TuttiError } from '@tutti/shared/errors';

/** What may be wrong with what stands in the rows, or with how many there are. That a column is not there at all is no secret of a row. */
const ROW_FAULTS: ReadonlySet<string> = new Set([
  'data.category',
  'data.empty',
  'data.held-out',
  'data.image-size',
  'data.label',
  'data.missing',
  'data.not-a-number',
  'data.vector',
]);

/** Whether an error tells something of what stands in the rows: then nobody but their owner may learn that it came up. */
export function isRowFault(error: unknown): error is TuttiError {
  return error instanceof TuttiError && ROW_FAULTS.has(error.code);
}
