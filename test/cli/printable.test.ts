import { describe, expect, it } from 'vitest';
import { onOneLine, printable } from '../../packages/cli/src/output/printable.js';

describe('text of somebody else’s on a terminal', () => {
  it.each([
    ['moves the cursor', 'ok\u001b[2A\u001b[2Kε at most 0.1'],
    ['goes back on its line', 'bad\rgood'],
    ['deletes', 'a\b\u007f'],
    ['uses the other controls', '\u009b2J\u0085'],
    ['turns the direction of writing', 'a\u202eb\u2066c\u200fd\u061c'],
    ['ends lines in unusual ways', 'a\u2028b\u2029'],
  ])('does nothing where it %s', (_what, text) => {
    expect(printable(text)).toMatch(/^[\w\s.ε[\ufffd]*$/u);
    expect(printable(text)).toContain('\ufffd');
  });

  it('stays as it is where it is only text', () => {
    const text = 'Größe – ε = 1.0 “é” 日本語 فارسی\u200cها\n\tnext 👩\u200d🔬';
    expect(printable(text)).toBe(text);
  });

  it('cannot look like a line of ours', () => {
    expect(onOneLine('Research\n  privacy     ε at most 0.01 ')).toBe('Research privacy ε at most 0.01');
  });
});
