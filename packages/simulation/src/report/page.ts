import { createHash } from 'node:crypto';
import type { ReportAssets } from './assets.js';
import { escapeJson, markup, Markup } from './markup.js';

/**
 * A page in one file that asks the network for nothing: its content security policy allows exactly the style and the script
 * that are in it, by their hashes, and no other source of anything.
 */
export function page(title: string, body: Markup, data: unknown, { style, script }: ReportAssets): string {
  const policy = [
    "default-src 'none'",
    `script-src '${integrity(script)}'`,
    `style-src '${integrity(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${verbatim(style, '</style')}</style>
</head>
<body>
${body}
<script type="application/json" id="charts">${escapeJson(data)}</script>
<script>${verbatim(script, '</script')}</script>
</body>
</html>
`.text;
}

function integrity(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** Our own text, which cannot be escaped where it stands. */
function verbatim(text: string, end: string): Markup {
  if (text.toLowerCase().includes(end) || text.includes('<!--'))
    throw new RangeError(`An asset of the report contains ${end} or <!--.`);
  return new Markup(text);
}
