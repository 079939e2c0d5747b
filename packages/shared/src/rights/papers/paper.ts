/** A document that people read, fill in and sign: what is known is written down, what only they can know is left open. */
export interface Paper {
  readonly title: string;
  /** Said before all else. */
  readonly preface: readonly string[];
  readonly sections: readonly PaperSection[];
}

export interface PaperSection {
  readonly heading: string;
  readonly text?: readonly string[];
  readonly entries?: readonly { readonly label: string; readonly text: string }[];
  readonly table?: { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] };
  /** Fields that are left open. */
  readonly open?: readonly string[];
}

/** The paper as Markdown (CommonMark with tables). */
export function paperMarkdown({ title, preface, sections }: Paper): string {
  const parts = [`# ${escaped(title)}`, ...preface.map(escaped)];
  for (const { heading, text = [], entries = [], table, open = [] } of sections) {
    parts.push(`## ${escaped(heading)}`, ...text.map(escaped));
    if (entries.length > 0)
      parts.push(
        entries.map(({ label, text: value }) => `- **${escaped(label)}:** ${escaped(value)}`).join('\n'),
      );
    if (table !== undefined) {
      const row = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`;
      parts.push(
        [row(table.columns), row(table.columns.map(() => '---')), ...table.rows.map(row)].join('\n'),
      );
    }
    if (open.length > 0) parts.push(open.map((field) => `- ${escaped(field)}: ________________`).join('\n'));
  }
  return `${parts.join('\n\n')}\n`;
}

/** Keeps a text on its line and out of the markup, whatever it holds. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>#|]/g, '\\$&');
}
