export type { StatementFacts } from './facts.js';
export type { CurvePoint, StatementFigures } from './figures.js';
export { statementMarkdown } from './markdown.js';
export { privacyStatement, type PrivacyStatement } from './privacy-statement.js';
export { registryRecord, type RegistryOptions, type RegistryRecord } from './registry.js';
export { shardedStatement, type ShardedFacts } from './sharded.js';
export type { StatementEntry, StatementItem } from './wording.js';
