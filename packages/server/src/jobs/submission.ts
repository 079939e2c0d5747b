import { parseDocument } from 'yaml';
import { Refusal } from '@tutti/shared/errors';
import { jobSchema, type Job } from '@tutti/shared/protocol';

const MOST_PROBLEMS = 10;

/**
 * Reads a job as it was submitted, YAML or JSON, and fills in what it leaves out.
 * @throws {Refusal} `job.syntax`, `job.invalid` with every field that is wrong
 */
export function readSubmission(text: string): Job {
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw syntax(error.message);
  const parsed = jobSchema.safeParse(valueOf(document));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, MOST_PROBLEMS)
    .map(({ path, message }) => `${path.join('.') || 'job'}: ${message}`);
  throw new Refusal('job.invalid', problems.join('\n'), 'Check it with `tutti job check`.');
}

/** Aliases could blow a small text up beyond all bounds: a job needs none. */
function valueOf(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw syntax('it has aliases that cannot be followed', cause);
  }
}

function syntax(why: string, cause?: unknown): Refusal {
  return new Refusal('job.syntax', `The job is not YAML: ${why}.`, 'Check it with `tutti job check`.', {
    cause,
  });
}
