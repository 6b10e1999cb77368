import { formatBytes, formatCount } from '../lib/byte-size.ts';
import { printableName } from '../lib/byte-names.ts';
import { formatDuration } from '../lib/duration.ts';
import type { ItemKind } from '../model/item.ts';
import type { ErrorRecord } from '../model/migration-error.ts';
import type { Bill, ShipmentBill } from './bill.ts';
import type { Crossing, FollowedBill } from './followed-bill.ts';
import { billStyle } from './bill-style.ts';
import { fingerprintOf, type Signature } from './sign.ts';
import type { Listed } from './tally.ts';
import { depthWords, plural, verdictOf } from './verdict.ts';

/** The bill for people: one file without script or outside reference, readable on paper. The JSON beside it is what
 *  the signature covers. */
export function renderBillPage(bill: Bill, signature: Signature): string {
  const { good, sentence } = verdictOf(bill);
  const tone = good ? 'good' : bill.outcome === 'failed' ? 'bad' : 'warn';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(`Bill ${bill.run}: ${bill.job.name}`)}</title>
<style>${billStyle}</style>
</head>
<body>
<main>
<header>
<p class="kicker">Waybill · bill of run <code>${text(bill.run)}</code></p>
<h1>${text(bill.job.name)}</h1>
<p class="verdict ${tone}"><span aria-hidden="true">${good ? '✓' : tone === 'bad' ? '✕' : '!'}</span>${text(sentence)}</p>
</header>
${figures(bill)}
${bill.shipments.map((shipment, i) => shipmentSection(bill, shipment, i)).join('\n')}
${findings(bill)}
${made(bill)}
${signed(bill, signature)}
</main>
</body>
</html>
`;
}

function figures(bill: Bill): string {
  const sum = (figure: (shipment: ShipmentBill) => number) => bill.shipments.reduce((all, one) => all + figure(one), 0);
  const { timings } = bill;
  const bytes = sum((shipment) => shipment.carried.bytes);
  const rows = sum((shipment) => shipment.carried.rows);
  const copying = timings.phases.filter(({ phase }) => phase === 'copying').reduce((all, one) => all + one.seconds, 0);
  const predicted =
    timings.predictedSeconds === undefined ? '' : `predicted ${formatDuration(timings.predictedSeconds)}`;
  const kept = bill.planned.keep.items;
  const cards: readonly (readonly [string, string, string])[] = [
    [
      'Items',
      formatCount(sum((shipment) => shipment.carried.items)),
      `of ${formatCount(sum((shipment) => shipment.planned.items))} planned${kept > 0 ? `, ${formatCount(kept)} already there` : ''}`,
    ],
    ...(rows > 0 ? [['Rows', formatCount(rows), ''] as const] : []),
    ['Data', formatBytes(bytes), copying > 0 ? `${formatBytes(bytes / copying)}/s while copying` : ''],
    ['Time', formatDuration(timings.seconds), predicted],
  ];
  return `<section class="cards">${cards
    .map(
      ([name, value, note]) =>
        `<div><h3>${name}</h3><p class="figure">${text(value)}</p><p class="note">${text(note)}</p></div>`,
    )
    .join('')}</section>`;
}

function shipmentSection(bill: Bill, shipment: ShipmentBill, i: number): string {
  const asked = bill.job.shipments[i];
  if (!asked) return '';
  const lines: (readonly [string, string])[] = [
    ['From', `<code>${text(asked.from.address)}</code>`],
    ['To', `<code>${text(asked.to.address)}</code>`],
    ['How', text(`${asked.strategy}, into ${asked.into}${asked.deletions ? ', with deletions' : ''}`)],
  ];
  if (shipment.position !== undefined) lines.push(['Source position', `<code>${text(shipment.position)}</code>`]);
  if (shipment.followed) lines.push(...followedLines(shipment.followed));
  lines.push(['Verification', text(verification(asked.verify, shipment))]);
  if (shipment.plannedRemovals + shipment.removed.items + shipment.removed.rows > 0) {
    lines.push(['Removed', text(`${plural(shipment.removed.items, 'item')}, ${plural(shipment.removed.rows, 'row')}`)]);
  }
  for (const backup of shipment.backups) {
    lines.push([
      'Backup',
      `<code>${text(backup.path)}</code> <span class="note">${text(formatBytes(backup.bytes))}</span><br><code class="digest">${text(backup.digest)}</code>`,
    ]);
  }
  return `<section>
<h2>${text(shipment.name)} <span class="tag">${text(shipment.phase)}</span></h2>
<dl>${lines.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>
${kinds(shipment)}
${tables(shipment)}
${problems(bill, shipment)}
</section>`;
}

function followedLines({ position, transactions, changes, crossings }: FollowedBill): (readonly [string, string])[] {
  const upTo = position === undefined ? '' : ` up to <code>${text(position)}</code>`;
  return [
    ['Followed', `${text(`${plural(changes, 'change')} in ${plural(transactions, 'transaction')}`)}${upTo}`],
    ...crossings.map(
      (crossing) => [crossing.to === 'target' ? 'Cutover' : 'Way back', crossingWords(crossing)] as const,
    ),
  ];
}

/** `switched; writers waited 0.21 s`, and when each step was done. */
function crossingWords({ outcome, pauseMs, steps }: Crossing): string {
  const began = Date.parse(steps[0]?.at ?? '');
  const pause = pauseMs === undefined ? '' : `; writers waited ${(pauseMs / 1000).toFixed(2)} s`;
  const each = steps.slice(1).map(({ step, at, detail }) => {
    const after = ((Date.parse(at) - began) / 1000).toFixed(2);
    return `${step} ${after} s${detail === undefined ? '' : ` (${detail})`}`;
  });
  return `${text(`${outcome}${pause}`)}<br><span class="note">${text(`${steps[0]?.at ?? ''}: ${each.join(', ')}`)}</span>`;
}

function verification(depth: keyof typeof depthWords, { verified, differences }: ShipmentBill): string {
  if (verified.items === 0) return `none took place (asked for: ${depthWords[depth]})`;
  const found =
    differences.count > 0
      ? plural(differences.count, 'difference')
      : verified.unequal > 0
        ? `${formatCount(verified.unequal)} not equal`
        : 'all equal';
  return `${plural(verified.items, 'item')}, ${depthWords[depth]}: ${found}`;
}

function kinds(shipment: ShipmentBill): string {
  const planned = shipment.plannedKinds;
  const names = Object.keys({ ...planned, ...shipment.kinds }) as ItemKind[];
  if (names.length === 0) return '';
  const withRows = names.includes('table');
  const rows = names.map((kind) => {
    const carried = shipment.kinds[kind] ?? { items: 0, bytes: 0, rows: 0 };
    return [
      text(kind),
      formatCount(planned[kind]?.items ?? 0),
      formatCount(carried.items),
      ...(withRows ? [kind === 'table' ? formatCount(carried.rows) : ''] : []),
      carried.bytes > 0 ? formatBytes(carried.bytes) : '',
    ];
  });
  return table('What was carried', ['Kind', 'Planned', 'Carried', ...(withRows ? ['Rows'] : []), 'Data'], rows);
}

function tables({ tables: list }: ShipmentBill): string {
  if (list.count === 0) return '';
  const rows = list.first.map((one) => [
    name(one.as ?? one.key),
    `${formatCount(one.rows ?? 0)}${one.base ? ` <span class="note">+ ${formatCount(one.base.rows)} before</span>` : ''}`,
    text(formatBytes(one.bytes)),
    `<code class="digest">${text(one.digest ?? '')}</code>`,
    one.equal === undefined
      ? '<span class="note">not verified</span>'
      : one.equal
        ? 'equal'
        : '<strong>not equal</strong>',
  ]);
  return table('Tables', ['Table', 'Rows', 'Data', 'Digest', 'Verified'], rows, ['', 'n', 'n', '', '']) + more(list);
}

function problems(bill: Bill, shipment: ShipmentBill): string {
  const { rejects, failures, unreached, differences } = shipment;
  const words = (list: Listed<unknown>, title: string) => `${title} (${formatCount(list.count)})`;
  const parts = [
    list(words(failures, 'Items that could not be carried'), ['Item', 'Kind', 'Reason'], failures, (one) => [
      name(one.key),
      text(one.kind),
      errorCell(one.error),
    ]),
    list(words(rejects, 'Rows and entries left out'), ['Item', 'Key', 'Reason'], rejects, (one) => [
      name(one.item),
      name([one.key, one.column].filter(Boolean).join(' · ')),
      errorCell({ code: one.code, message: one.reason }),
    ]),
    list(words(differences, 'Differences'), ['Item', 'Key', 'What differs'], differences, (one) => [
      name(one.item),
      name(one.key ?? ''),
      text([one.kind, one.detail].filter(Boolean).join(': ')),
    ]),
    list(words(unreached, 'Planned, but not reached'), ['Item', 'Kind', 'Planned as'], unreached, (one) => [
      name(one.key),
      text(one.kind),
      one.action === 'copy' ? 'copy' : 'removal',
    ]),
  ].join('\n');
  if (parts.trim() !== '') return `<div class="problems">${parts}</div>`;
  return bill.outcome === 'done' ? '<p class="none">Nothing was left out.</p>' : '';
}

const errorCell = ({ code, message, hint }: ErrorRecord): string =>
  `<code>${text(code)}</code> ${text(message)}${hint ? ` <span class="note">${text(hint)}</span>` : ''}`;

const list = <T>(
  title: string,
  heads: readonly string[],
  listed: Listed<T>,
  cells: (entry: T) => readonly string[],
): string =>
  listed.count === 0
    ? ''
    : table(
        title,
        heads,
        listed.first.map(cells),
        heads.map(() => ''),
      ) + more(listed);

const more = ({ count, first }: Listed<unknown>): string =>
  count > first.length
    ? `<p class="note">The first ${formatCount(first.length)} of ${formatCount(count)}; the manifest has all.</p>`
    : '';

function findings({ findings: list }: Bill): string {
  if (list.count === 0) return '';
  const entries = list.first.map(
    (one) =>
      `<li><span class="tag ${text(one.level)}">${text(one.level)}</span> ${one.where ? `${name(one.where)}: ` : ''}${text(one.message)}${one.hint ? ` <span class="note">${text(one.hint)}</span>` : ''}</li>`,
  );
  return `<section><h2>What the plan pointed out</h2><ul class="findings">${entries.join('')}</ul>${more(list)}</section>`;
}

function made(bill: Bill): string {
  const { timings, maker } = bill;
  const names = bill.shipments.map((shipment) => shipment.name);
  const phases = timings.phases.map(({ shipment, phase, seconds }) => [
    text(names[shipment] ?? ''),
    text(phase),
    formatDuration(seconds),
  ]);
  const lines: readonly (readonly [string, string])[] = [
    ['Started', time(timings.startedAt)],
    ['Finished', time(timings.finishedAt)],
    ['Resumed', timings.resumes === 0 ? 'never' : plural(timings.resumes, 'time')],
    ['Made by', text(`Waybill ${maker.waybill} on Node ${maker.node}, host ${maker.host}`)],
    ['Outcome', text(`${bill.outcome}, exit code ${bill.exit}`)],
    ...(bill.error ? [['Error', errorCell(bill.error)] as const] : []),
  ];
  return `<section><h2>The run</h2>
<dl>${lines.map(([term, value]) => `<dt>${term}</dt><dd>${value}</dd>`).join('')}</dl>
${phases.length > 0 ? table('Time by phase', ['Shipment', 'Phase', 'Time'], phases, ['', '', 'n']) : ''}</section>`;
}

function signed(bill: Bill, signature: Signature): string {
  return `<section><h2>Signature and manifest</h2>
<p>This page is a rendering of <code>${text(bill.run)}.json</code>, which is signed with Ed25519. The manifest has
${plural(bill.manifest.lines, 'line')}: every item that was carried with its digest, and everything that was not. To check
both, keep the files together and run</p>
<pre>waybill verify-bill ${text(bill.run)}.json</pre>
<dl>
<dt>Key fingerprint</dt><dd><code class="digest">${text(fingerprintOf(signature.publicKey))}</code></dd>
<dt>Signature</dt><dd><code class="digest">${text(signature.value)}</code></dd>
<dt>Manifest</dt><dd><code>${text(bill.manifest.file)}</code> <span class="note">${text(formatBytes(bill.manifest.bytes))}</span><br>
<code class="digest">${text(bill.manifest.digest)}</code></dd>
</dl>
<p class="note">The fingerprint is the SHA-256 of <code>signing-key.pub.pem</code> in DER form, on the machine that made the bill. Compare it over another channel.</p>
</section>`;
}

/** Cells are HTML already. Columns are numbers but the first, unless `classes` says otherwise. */
function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  classes?: readonly string[],
): string {
  const css = (i: number) => ((classes?.[i] ?? (i > 0 ? 'n' : '')) === 'n' ? ' class="n"' : '');
  const head = heads.map((title, i) => `<th scope="col"${css(i)}>${title}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map((cell, i) => `<td${css(i)}>${cell}</td>`).join('')}</tr>`);
  return `<div class="scroll"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>`;
}

const time = (iso: string): string =>
  `<time datetime="${text(iso)}">${text(iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC'))}</time>`;
const name = (key: string): string => `<code>${text(printableName(key))}</code>`;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const text = (value: string): string => value.toWellFormed().replace(/[&<>"']/g, (char) => entities[char] ?? char);
