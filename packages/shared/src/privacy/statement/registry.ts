import type { PrivacyStatement } from './privacy-statement.js';

/** What the registry wants to know and a statement cannot tell. */
export interface RegistryOptions {
  readonly authors: readonly string[];
  readonly curatorType: 'Government' | 'Industry' | 'Nonprofit';
  readonly sector?: 'Technology' | 'Healthcare' | 'Education' | 'Government' | 'Energy' | 'Finance';
}

/** A record of the OpenDP registry of deployments. */
export interface RegistryRecord {
  readonly url_slug: string;
  readonly deployment: {
    readonly basic: {
      readonly name: string;
      readonly data_curators: readonly {
        readonly data_curator_name: string;
        readonly data_curator_type: string;
      }[];
      readonly description: string;
      readonly intended_use: string;
      readonly data_product_type: 'Machine learning model' | 'Statistics';
      readonly data_product_region: string;
      readonly data_product_sector?: string;
      readonly publication_date: string;
    };
    readonly dp_variant: {
      readonly variant_name: 'Approximate DP';
      readonly data_domain: string;
      readonly unprotected_quantities: string;
    };
    readonly privacy_loss: {
      readonly privacy_unit: string;
      readonly privacy_unit_details: string;
      readonly number_of_privacy_units: number;
      readonly privacy_parameters: { readonly epsilon?: number; readonly delta: number };
      readonly privacy_parameters_details: string;
    };
    readonly deployment_model: {
      readonly model_name: 'Federated';
      readonly model_name_details: string;
      readonly trust_assumptions: string;
      readonly actors: string;
      readonly release_type: 'Many releases';
      readonly release_type_details: string;
      readonly data_source_type: 'Static';
      readonly access_type: 'Non-interactive';
    };
    readonly implementation: {
      readonly preprocessing_and_hyperparameter_tuning: string;
      readonly mechanisms: string;
      readonly composition: string;
      readonly post_processing: string;
      readonly justification: string;
      readonly additional_information: string;
    };
    readonly administrative: {
      readonly status: 'Draft';
      readonly registry_authors: readonly string[];
      readonly tier: 3;
    };
  };
}

/**
 * The statement as a record of the OpenDP registry of deployments (github.com/opendp/deployments-registry-data, schema
 * `schemas/deployments-schema.yaml` at commit 057e5d8): plain JSON, which is YAML. A seeded run has nothing to register.
 * @returns undefined where the statement claims no privacy
 */
export function registryRecord(
  statement: PrivacyStatement,
  options: RegistryOptions,
): RegistryRecord | undefined {
  if (statement.claim === 'none') return undefined;
  const { subject, figures, summary } = statement;
  const item = (number: number) =>
    statement.items
      .filter((candidate) => candidate.number === number)
      .flatMap(({ entries }) => entries.map(({ label, text }) => `- ${label}: ${text}`))
      .join('\n');
  const fact = (number: number, label: string) =>
    statement.items
      .find((candidate) => candidate.number === number)
      ?.entries.filter((entry) => entry.label === label)
      .map(({ text }) => text)
      .join('; ') ?? '';
  const counts = subject.released === 'statistics';
  return {
    url_slug: `${subject.name}-${subject.hash.slice(0, 8)}`,
    deployment: {
      basic: {
        name: subject.name,
        data_curators: [{ data_curator_name: subject.controller, data_curator_type: options.curatorType }],
        description: summary.join(' '),
        intended_use: subject.purpose,
        data_product_type: counts ? 'Statistics' : 'Machine learning model',
        data_product_region: subject.region ?? 'not stated',
        ...(options.sector === undefined ? {} : { data_product_sector: options.sector }),
        publication_date: figures.until.slice(0, 10),
      },
      dp_variant: {
        variant_name: 'Approximate DP',
        data_domain: counts
          ? 'Vectors of counts of columns, one a client and round, computed on the client from its own rows'
          : 'Vectors of model updates, one a client and round, computed on the client from its own examples',
        unprotected_quantities: fact(2, 'Without noise'),
      },
      privacy_loss: {
        privacy_unit: figures.unit,
        privacy_unit_details: `${item(4)}\n${item(5)}`,
        // How many examples there are nobody knows: there are as many at the least as clients.
        number_of_privacy_units: figures.population,
        privacy_parameters: {
          ...(figures.releasedModel.epsilon === null ? {} : { epsilon: figures.releasedModel.epsilon }),
          delta: figures.delta,
        },
        privacy_parameters_details: `${item(11)}\n${item(12)}`,
      },
      deployment_model: {
        model_name: 'Federated',
        model_name_details: fact(6, 'Model of trust'),
        trust_assumptions: item(6),
        actors: item(6),
        release_type: 'Many releases',
        release_type_details: `One ${counts ? 'set of statistics' : 'model'} a round on the same data, under one budget that stops the job.`,
        data_source_type: 'Static',
        access_type: 'Non-interactive',
      },
      implementation: {
        preprocessing_and_hyperparameter_tuning: item(3),
        mechanisms: `${item(7)}\n${item(8)}\n${item(14)}`,
        composition: `${item(9)}\n${item(10)}`,
        post_processing: item(13),
        justification: fact(16, 'Justification'),
        additional_information: `${item(15)}\n${item(17)}\n${item(16)}`,
      },
      administrative: { status: 'Draft', registry_authors: options.authors, tier: 3 },
    },
  };
}
