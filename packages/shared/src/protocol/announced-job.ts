import { z } from 'zod';
import { Refusal } from '../errors.js';
import { canonicalJson, planEncoding, type EncodingOptions, type EncodingPlan } from '../privacy/index.js';
import { countWeights, modelSpecSchema } from '../learning/index.js';
import type { Announcement } from './announcement.js';
import { exampleTerms, unitNorm } from './example-terms.js';
import { jobSchema, type Job } from './job.js';
import { columnWidth, jobDataSchema, type JobData } from './job-data.js';
import { announcedPrivacySchema, deltaOf, examplePrivacyOf } from './job-privacy.js';
import { withSettledNoise } from './settled-noise.js';
import { legalBasisSchema, specialCategoriesSchema } from './processing.js';

/**
 * A job as the coordinator announces it to clients: nothing left to a default, so that both sides compute the same encoding,
 * the same features, the same cost and the same hash from it. How a simulation makes up its clients and shards them, and how the job is audited, is no
 * client's business and left out.
 */
export const announcedJobSchema = jobSchema
  .omit({ kind: true, simulation: true, audit: true, erasure: true })
  .extend({
    data: jobDataSchema,
    /** Without its source: where an operator has a file is no client’s business, who gets it from the coordinator by its hash. */
    model: modelSpecSchema,
    privacy: announcedPrivacySchema,
    /** Announced where it is stated. */
    legalBasis: legalBasisSchema.exclude(['not stated']).optional(),
    specialCategories: specialCategoriesSchema.exclude(['not stated']).optional(),
    /** Clients enrolled when the job began. */
    population: z.int().min(3).max(10_000_000),
  });

export type AnnouncedJob = z.output<typeof announcedJobSchema>;

/**
 * Fills in what a job leaves open: δ from the population, and the least noise with which all its rounds fit its budget.
 * @throws {Refusal} `job.standardise`; `job.columns` where columns and model do not fit; what {@link withSettledNoise} refuses.
 */
export function announceJob(job: Job, population: number): AnnouncedJob {
  const { name, purpose, controller, legalBasis, specialCategories } = job;
  const { model, startFrom, training, server, rounds, cohort } = job;
  const stated = {
    name,
    purpose,
    controller,
    ...(legalBasis !== 'not stated' && { legalBasis }),
    ...(specialCategories !== 'not stated' && { specialCategories }),
  };
  const data = announcedData(job.data);
  checkColumns(data, model.inputs, model.classes);
  checkParticipations(job);
  const announced = {
    ...stated,
    data,
    model: withoutSource(model),
    ...(startFrom && { startFrom }),
    training,
    server,
    rounds,
    cohort,
  };
  const delta = deltaOf(job.privacy, population);
  const settled = (noiseMultiplier: number): AnnouncedJob => ({
    ...announced,
    population,
    privacy:
      job.privacy.unit === 'example'
        ? exampleTerms(job, delta, noiseMultiplier)
        : { ...job.privacy, delta, noiseMultiplier },
  });
  return withSettledNoise(job.privacy.noiseMultiplier, settled, encodingPlan);
}

/** Without what `tutti simulate` alone reads. @throws {Refusal} `job.standardise` where nobody has looked up the statistics that it names */
function announcedData({ standardise, ...data }: Job['data']): JobData {
  const announced = jobDataSchema.strip().safeParse({
    ...data,
    ...(standardise && { standardise: { statistics: standardise.statistics } }),
  });
  if (announced.success) return announced.data;
  throw new Refusal(
    'job.standardise',
    'The job names statistics by which it standardises, and they are not at hand.',
    'Submit it to the coordinator that has made them; or give data.standardise.source, the path of their statistics.json.',
  );
}

function withoutSource(model: Job['model']): AnnouncedJob['model'] {
  const announced = { ...model };
  delete announced.source;
  return announced;
}

/** Clients that have had their share leave the draws, so that the cohorts of a job which needs more of them would dwindle. */
function checkParticipations({ rounds, cohort: { samplingRate, participations = Infinity } }: Job): void {
  const expected = rounds * samplingRate;
  if (participations >= expected) return;
  throw new Refusal(
    'job.participations',
    `Over ${rounds} rounds a client is drawn ${expected.toFixed(1)} times on average; cohort.participations allows ${participations}.`,
    `Set cohort.participations to ${Math.ceil(expected)} or more, or lower rounds or cohort.samplingRate.`,
  );
}

/** Columns and classes that are declared must be those that the model takes. */
function checkColumns({ columns, classes }: JobData, inputs: number, outputs: number): void {
  const width = columns?.reduce((sum, column) => sum + columnWidth(column), 0) ?? inputs;
  if (width !== inputs) {
    throw new Refusal(
      'job.columns',
      `data.columns become ${width} features; model.inputs is ${inputs}.`,
      `Set model.inputs to ${width}, or correct the columns.`,
    );
  }
  const named = classes?.length ?? outputs;
  if (named !== outputs) {
    throw new Refusal(
      'job.columns',
      `data.classes names ${named} classes; model.classes is ${outputs}.`,
      `Set model.classes to ${named}, or correct the names.`,
    );
  }
}

/**
 * The job as an artifact: its SHA-256 is the job's name, on the wire and in the ledger. Canonical, so that a job that was read back
 * keeps its name.
 */
export function encodeAnnouncedJob(job: Announcement): Uint8Array {
  return new TextEncoder().encode(canonicalJson(job));
}

/** How updates of this job are turned into residues, and sums back. */
export function encodingPlan(job: AnnouncedJob): EncodingPlan {
  const { cohort } = job;
  return planEncoding({
    dimension: countWeights(job.model),
    ...boundsOf(job),
    maximumCohort: cohort.maximum,
    minimumSharers: cohort.minimum,
    survivorFraction: cohort.survivorFraction,
    corruptFraction: cohort.corruptFraction,
  });
}

function boundsOf({
  training,
  privacy,
}: AnnouncedJob): Pick<EncodingOptions, 'clipNorm' | 'unitNorm' | 'noiseMultiplier' | 'noiseLaw'> {
  const { clipNorm, noiseMultiplier } = privacy;
  const example = examplePrivacyOf(privacy);
  if (example === undefined) return { clipNorm, noiseMultiplier };
  const { updateNorm } = example;
  if (example.noise === 'shared')
    return { clipNorm: updateNorm, unitNorm: unitNorm(training, example), noiseMultiplier };
  // What protects each example is in the update before it is encoded: nothing more is added to it.
  return { clipNorm: updateNorm, noiseMultiplier: 0, noiseLaw: 'none' };
}
