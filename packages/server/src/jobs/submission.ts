import { Refusal } from '@tutti/shared/errors';
import { schemaFor, type AnyJob } from '@tutti/shared/protocol';
import { readBoundedYaml } from './bounded-yaml.js';

const MOST_PROBLEMS = 10;

/**
 * Reads a job as it was submitted, YAML or JSON, and fills in what it leaves out.
 * @throws {Refusal} `job.syntax`, `job.invalid` with every field that is wrong
 */
export function readSubmission(text: string): AnyJob {
  const written = valueOf(text);
  const parsed = schemaFor(written).safeParse(written);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, MOST_PROBLEMS)
    .map(({ path, message }) => `${path.join('.') || 'job'}: ${message}`);
  throw new Refusal('job.invalid', problems.join('\n'), 'Check it with `tutti job check`.');
}

/** @throws {Refusal} `job.shards` where a job asks for several models */
export function requireOneShard(job: AnyJob): void {
  if (!('erasure' in job) || job.erasure.shards === 1) return;
  const { shards } = job.erasure;
  throw new Refusal(
    'job.shards',
    `The job asks for ${shards} shards; a coordinator trains one model by one job, and deals no clients out.`,
    `Submit ${shards} jobs, each with cohort.eligible for clients of its own, and average what their models say; or leave \`erasure.shards\` out.`,
  );
}

/** @throws {Refusal} `job.audit-required` where a job releases its model only after an audit */
export function requireNoGate(job: AnyJob): void {
  if (!('audit' in job) || !job.audit.required) return;
  throw new Refusal(
    'job.audit-required',
    'The job releases its model only after an audit. A coordinator hands the model of every round to its clients, and cannot hold it back until then.',
    'Leave audit.required out. Audit the job beforehand with `tutti audit run`, or by canaries in the deployment with `tutti audit canaries`, and file the report.',
  );
}

function valueOf(text: string): unknown {
  try {
    return readBoundedYaml(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be read';
    throw new Refusal('job.syntax', `The job is not YAML: ${why}.`, 'Check it with `tutti job check`.', {
      cause,
    });
  }
}
