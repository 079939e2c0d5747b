import { Composer, isScalar, Lexer, Parser, visit, type CST, type Document } from 'yaml';

/** Deeper than any text that a person writes. */
const MOST_NESTED = 100;

/**
 * Reads YAML of somebody who may mean harm, in time that grows with its length. The library by itself goes down into what is nested until the stack ends, which
 * can end the process, and compares every name of a mapping with every other.
 *
 * @returns the value
 * @throws {Error} with what is wrong
 */
export function readBoundedYaml(text: string): unknown {
  const documents = [
    ...new Composer({ uniqueKeys: false, prettyErrors: false }).compose(tokensOf(text), true, text.length),
  ];
  const [document] = documents;
  if (document === undefined || documents.length > 1) throw new Error('it is not one document');
  const [error] = document.errors;
  if (error !== undefined) throw error;
  refuseRepeatedNames(document);
  // Aliases could blow a small text up beyond all bounds.
  return document.toJS({ maxAliasCount: 0 });
}

function tokensOf(text: string): readonly CST.Token[] {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > MOST_NESTED) throw new Error(`it is nested more than ${MOST_NESTED} deep`);
  }
  tokens.push(...parser.end());
  return tokens;
}

/** Of two values under one name, somebody who reads the text may see the other. */
function refuseRepeatedNames(document: Document): void {
  visit(document, {
    Map(_key, { items }) {
      const names = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? String(key.value) : key;
        if (names.has(name)) throw new Error('a name stands twice in one mapping');
        names.add(name);
      }
    },
  });
}
