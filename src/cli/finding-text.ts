import type { Finding } from '../model/finding.ts';
import { wrap } from './display-width.ts';
import type { Output } from './output.ts';
import { plural } from './plural.ts';
import { printable, printableLines } from './printable.ts';

const maxFindings = 30;
const order = { error: 0, warning: 1, info: 2 };

/** Findings of a plan, the worst first. A hint that several in a row share is given once. */
export function findingLines(findings: readonly Finding[], look: Pick<Output, 'colors' | 'textWidth'>): string[] {
  if (findings.length === 0) return [];
  const sorted = findings.toSorted((a, b) => order[a.level] - order[b.level]);
  const lines = sorted.slice(0, maxFindings).flatMap((finding, i) => {
    const shared = finding.hint !== undefined && finding.hint === sorted[i + 1]?.hint;
    return [
      findingLine(finding, look),
      ...(finding.hint === undefined || shared ? [] : [hintLine(finding.hint, look)]),
    ];
  });
  const more = sorted.length - maxFindings;
  return [...lines, ...(more > 0 ? [`  … and ${plural(more, 'more finding')}: see --json`] : []), ''];
}

function findingLine(
  { level, code, message, where }: Finding,
  { colors, textWidth }: Parameters<typeof findingLines>[1],
): string {
  const paint = { error: colors.red, warning: colors.yellow, info: colors.dim }[level];
  const place = where === undefined || message.includes(where) ? '' : ` (${where})`;
  const text = wrap(`  ${level} ${code} ${printableLines(message + place)}`, textWidth, '      ');
  return text.replace(`${level} ${code}`, `${paint(level)} ${colors.dim(code)}`);
}

const hintLine = (hint: string, { colors, textWidth }: Parameters<typeof findingLines>[1]): string =>
  colors.dim(wrap(`      → ${printable(hint)}`, textWidth, '        '));
