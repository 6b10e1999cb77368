import { openSqliteJournal } from '../src/journal/sqlite-journal.ts';
import type { RunHeader } from '../src/journal/journal.ts';

const receipts = 100_000;

/** Claim: 100 000 receipts recorded durably in under 2 s. */
export async function journal(folder: string): Promise<void> {
  await using book = await openSqliteJournal(folder);
  const zero = { items: 0, bytes: 0, rows: 0 };
  const header: RunHeader = {
    id: 'bench',
    createdAt: 0,
    job: { name: 'bench', shipments: [], workers: 1, maxQuarantine: 0 },
    findings: [],
    totals: { copy: zero, keep: zero, remove: zero },
  };
  await book.create(header, []);
  const started = performance.now();
  await Promise.all(
    Array.from({ length: receipts }, (_, i) =>
      book.record('bench', {
        type: 'chunk.written',
        step: i,
        receipt: { chunk: `${i}`, bytes: 8388608, rows: 50_000, digest: 'rows:0123456789abcdef' },
      }),
    ),
  );
  console.log(`  ${receipts} receipts in ${((performance.now() - started) / 1000).toFixed(2)} s`);
}
