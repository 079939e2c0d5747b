export { draftDpia } from './dpia.js';
export type { ProcessingFacts } from './facts.js';
export { minimisationReport } from './minimisation.js';
export { paperMarkdown, type Paper, type PaperSection } from './paper.js';
export { processingRecord } from './processing-record.js';
export type { RetentionPeriods } from './retention.js';
export { provenanceSvg } from './provenance-svg.js';
export {
  provenanceJson,
  provenanceMermaid,
  provenanceOf,
  type Provenance,
  type ProvenanceFacts,
} from './provenance.js';
