/** HTML that is safe to put into a page: everything that was filled in has been escaped. */
export class Markup {
  constructor(readonly text: string) {}
}

type Filling = string | number | Markup | readonly Markup[] | undefined;

/** A template for HTML. What is filled in is escaped, unless it is markup itself; undefined leaves nothing. */
export function markup(strings: TemplateStringsArray, ...fillings: readonly Filling[]): Markup {
  const rendered = strings.map((string, index) => string + rendering(fillings[index]));
  return new Markup(rendered.join(''));
}

function rendering(filling: Filling): string {
  if (filling === undefined) return '';
  if (filling instanceof Markup) return filling.text;
  if (typeof filling === 'object') return filling.map(({ text }) => text).join('');
  return escapeText(String(filling));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that means itself in HTML, also inside a quoted attribute. */
export function escapeText(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** JSON that cannot end the script element that it stands in, nor open a comment there (HTML, section 4.12.1.3). */
export function escapeJson(value: unknown): Markup {
  const json = JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new Markup(json);
}
