import type { PrivacyStatement } from './privacy-statement.js';

/** Keeps a fact on its line and out of the markup, whatever it holds. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>#|]/g, '\\$&');
}

/** The statement for people: plain words first, then the seventeen items. CommonMark. */
export function statementMarkdown(statement: PrivacyStatement): string {
  const title = `# Privacy statement: ${escaped(statement.subject.name)}`;
  const claim =
    statement.claim === 'none' ? '**No privacy is claimed.**' : '**Differential privacy, client by client.**';
  const summary = statement.summary.map(escaped);
  const items = statement.items.map(({ number, heading, entries }) =>
    [
      `## ${number}. ${escaped(heading)}`,
      entries.map(({ label, text }) => `- **${escaped(label)}:** ${escaped(text)}`).join('\n'),
    ].join('\n\n'),
  );
  return `${[title, claim, ...summary, ...items].join('\n\n')}\n`;
}
