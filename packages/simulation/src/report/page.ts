import { createHash } from 'node:crypto';
import { escapeJson, markup, Markup } from './markup.js';

/**
 * A page in one file that asks the network for nothing: its content security policy allows exactly the style and the script
 * that are in it, by their hashes, and no other source of anything.
 *
 * @param live - the script and the data that it draws; left out, the page has none
 */
export function page(
  title: string,
  body: Markup,
  style: string,
  live?: { readonly script: string; readonly data: unknown },
): string {
  const policy = [
    "default-src 'none'",
    ...(live === undefined ? [] : [`script-src '${integrity(live.script)}'`]),
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
${live === undefined ? undefined : scripts(live)}
</body>
</html>
`.text;
}

function scripts({ script, data }: { readonly script: string; readonly data: unknown }): Markup {
  return markup`<script type="application/json" id="charts">${escapeJson(data)}</script>
<script>${verbatim(script, '</script')}</script>`;
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
