import { join } from 'node:path';
import { TuttiError } from '@tutti/shared/errors';
import { verdictWords, type AuditVerdict } from '@tutti/shared/rights';
import { duration } from '../output/figures.js';
import type { Surroundings } from '../surroundings.js';

/**
 * Prints what an audit found.
 * @throws {TuttiError} `audit.failed` where it refuted the claim: so that the command fails
 */
export function sayVerdict(
  stdout: Surroundings['stdout'],
  verdict: AuditVerdict,
  about: {
    readonly seconds: number;
    /** That has `audit.html`. */
    readonly directory: string;
    readonly json: boolean;
    /** Said before the rest. */
    readonly notes?: readonly string[];
  },
): void {
  const { seconds, directory, json, notes = [] } = about;
  const { passed, correct, guesses, canaries } = verdict;
  const head = `${passed ? 'PASSED' : 'FAILED'}: ${correct} of ${guesses} guesses right on ${canaries} canaries, in ${duration(seconds)}`;
  const lines = [...notes, head, ...verdictWords(verdict), `Written: ${join(directory, 'audit.html')}`];
  stdout.write(json ? `${JSON.stringify({ ...verdict, seconds, directory })}\n` : `${lines.join('\n')}\n`);
  if (passed) return;
  throw new TuttiError(
    'audit.failed',
    'The audit refuted the claim.',
    'Do not release a model under this claim; find the fault in the mechanism, or claim what is true.',
  );
}
