/** Characters that move the cursor, change colours, or turn the direction of writing: all controls but tab and line feed. */
const UNPRINTABLE = /[^\P{Cc}\t\n]|[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Text of somebody else's, for a terminal: whoever wrote it can say what he likes, and cannot write over what stands there. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, '\ufffd');
}

/** The same on one line, so that nothing in it looks like a line of ours. */
export function onOneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ').trim();
}
