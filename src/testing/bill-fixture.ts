/** Journals of made-up runs, for the tests of the bill. */
import type { Journal, RunHeader } from '../journal/journal.ts';
import { openMemoryJournal } from '../journal/memory-journal.ts';
import { rowsDigest } from '../model/digest.ts';
import type { RunEvent } from '../model/event.ts';
import type { Item, ItemKind } from '../model/item.ts';
import type { Shipment } from '../model/job.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Step } from '../model/step.ts';

export const secret = 'hunter2-Zq9';
export const start = Date.UTC(2026, 4, 17, 9, 30);
const none = { items: 0, bytes: 0, rows: 0 };

const shipment = (name: string, from: string, to: string, more: Partial<Shipment> = {}): Shipment => ({
  name,
  from: { address: from, options: {} },
  to: { address: to, options: { password: '${env:PGPASSWORD}', token: secret } },
  strategy: 'full',
  into: 'replace',
  verify: 'digests',
  deletions: false,
  include: [],
  exclude: [],
  chunkBytes: 4 << 20,
  ...more,
});

export function header(id: string, changes: Partial<RunHeader> = {}): RunHeader {
  const shipments = [
    shipment('Music shop', 'sqlite:chinook.db', `postgres://shop:${secret}@db.example:5432/shop?sslpassword=${secret}`),
    shipment('Photos', './photos', '/srv/photos', { verify: 'every-byte' }),
  ];
  return {
    id,
    createdAt: start,
    job: { name: 'Move the shop', shipments, workers: 4, maxQuarantine: 10 },
    findings: [
      {
        level: 'warning',
        code: 'type.widened',
        message: 'NUMERIC(10,2) becomes numeric(10,2).',
        where: 'Invoice.Total',
      },
    ],
    totals: { copy: { items: 518, bytes: 7_600_000, rows: 15_607 }, keep: none, remove: none, estimatedSeconds: 4.5 },
    ...changes,
  };
}

export const item = (kind: ItemKind, key: string, more: Partial<Item> = {}): Item => ({
  key,
  kind,
  stage: 'data',
  bytes: 0,
  ...more,
});

export const copy = (seq: number, shipment: number, from: Item, as = from): Step => ({
  seq,
  shipment,
  action: 'copy',
  item: from,
  as,
  into: 'replace',
});

export const receipt = (
  chunk: string,
  bytes: number,
  rows: number,
  digest: string,
  more: Partial<Receipt> = {},
): Receipt => ({
  chunk,
  bytes,
  rows,
  digest,
  ...more,
});

export const fileDigest = (n: number): string => `b3:${n.toString(16).padStart(64, '0')}`;

export const carry = (step: number, ...receipts: readonly Receipt[]): RunEvent[] => [
  { type: 'item.opened', step, ticket: `t${step}` },
  ...receipts.map((one): RunEvent => ({ type: 'chunk.written', step, receipt: one })),
  { type: 'item.published', items: 1, step },
  { type: 'item.verified', step, equal: true },
];

export const phase = (
  shipment: number,
  name: 'preparing' | 'copying' | 'verifying' | 'done' | 'failed',
  seconds: number,
): RunEvent => ({
  type: 'phase.changed',
  shipment,
  phase: name,
  at: start + seconds * 1000,
});

export const started: RunEvent = { type: 'run.started', at: start, workers: ['w1', 'w2'] };
export const finished = (outcome: 'done' | 'differs' | 'failed', seconds = 5): RunEvent => ({
  type: 'run.finished',
  at: start + seconds * 1000,
  outcome,
  ...(outcome === 'failed' && { error: { code: 'store.full', message: 'The disk of db.example is full.' } }),
});

/** A batch of small files and the receipt for it. */
export function batch(seq: number, first: number, count: number): { step: Step; receipt: Receipt } {
  const members = Array.from({ length: count }, (_, i) =>
    item('file', `album/image-${first + i}.jpg`, { bytes: 4096 }),
  );
  const step = copy(seq, 1, item('batch', `batch:${seq}`, { bytes: count * 4096, members }));
  const carried = members.map(({ key, bytes }, i) => ({ key, bytes, digest: fileDigest(first + i) }));
  return { step, receipt: receipt('batch', count * 4096, 0, 'none', { members: carried }) };
}

const tableRows: Readonly<Record<string, number>> = {
  Album: 347,
  Artist: 275,
  Customer: 59,
  Employee: 8,
  Genre: 25,
  Invoice: 412,
  InvoiceLine: 2240,
  MediaType: 5,
  Playlist: 18,
  PlaylistTrack: 8715,
  Track: 3503,
};

/** 15 607 rows in 11 tables, an index, 514 files (one of them in three chunks) and a directory; all well. */
export async function goodRun(id = 'r1', changes: readonly RunEvent[] = [], journal?: Journal): Promise<Journal> {
  const steps: Step[] = [];
  const events: RunEvent[] = [started, phase(0, 'preparing', 0), phase(1, 'preparing', 0.2)];
  events.push({ type: 'snapshot.taken', shipment: 0, position: 'data_version:7' });
  const backup = { path: '/var/backups/shop', bytes: 1_200_000, digest: fileDigest(77), detail: { tables: 11 } };
  events.push({ type: 'backup.kept', shipment: 0, backup }, phase(0, 'copying', 0.5), phase(1, 'copying', 0.5));
  for (const [name, rows] of Object.entries(tableRows)) {
    const seq = steps.length;
    steps.push(copy(seq, 0, item('table', name, { rows, bytes: rows * 60 }), item('table', name.toLowerCase())));
    const half = Math.floor(rows / 2);
    events.push(
      ...carry(
        seq,
        receipt('1', half * 61, half, rowsDigest(BigInt(seq + 1) << 60n)),
        receipt('2', (rows - half) * 61, rows - half, rowsDigest((BigInt(seq + 3) << 60n) + 5n)),
      ),
    );
  }
  const { length } = steps;
  const files = batch(length + 1, 0, 513);
  steps.push(copy(length, 0, item('index', 'IFK_AlbumArtistId', { stage: 'after' })), files.step);
  steps.push(copy(length + 2, 1, item('file', 'film.mp4', { bytes: 5_000_000 })));
  steps.push(copy(length + 3, 1, item('directory', 'album', { stage: 'last' })));
  events.push(...carry(length), ...carry(length + 1, files.receipt));
  const parts = [2_000_000, 2_000_000, 1_000_000].map((bytes, i) =>
    receipt(`part-${i}`, bytes, 0, fileDigest(1000 + i)),
  );
  events.push(...carry(length + 2, ...parts), ...carry(length + 3));
  events.push(
    phase(0, 'verifying', 3),
    phase(1, 'verifying', 3.5),
    ...changes,
    phase(0, 'done', 5),
    phase(1, 'done', 5),
  );
  return await journalOf(header(id), steps, [...events, finished(changes.length > 0 ? 'differs' : 'done')], journal);
}

export async function journalOf(
  head: RunHeader,
  steps: readonly Step[],
  events: readonly RunEvent[],
  journal = openMemoryJournal(),
): Promise<Journal> {
  await journal.create(head, [steps]);
  await Promise.all(events.map((event) => journal.record(head.id, event)));
  return journal;
}
