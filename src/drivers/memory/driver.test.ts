import { memoryDriver } from './driver.ts';
import { dropMemorySpace, memorySpace, putInSpace, type MemoryChange } from './space.ts';
import { beginTransaction, nextNumber, transact } from './transact.ts';
import { sampleTables } from '../../testing/fixtures.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import { crashSuite } from '../../testing/crash.ts';
import { faultySuite } from '../../testing/faulty-suite.ts';
import { followingContract } from '../../testing/store-contract-following.ts';
import { storeContract } from '../../testing/store-contract.ts';
import { never } from '../../testing/testing.ts';

const address = (path: string) => ({ scheme: 'memory', text: `memory:${path}`, path, query: {} });

storeContract({
  name: 'memory',
  holds: 'both',
  open: () => memoryDriver.open(address('contract'), {}, never),
  reset: async () => dropMemorySpace('contract'),
  async openMissing() {
    await using store = await memoryDriver.open(address('never filled'), {}, never);
    await store.probe('source', never);
  },
});

crashSuite({
  name: 'memory',
  holds: 'both',
  open: () => memoryDriver.open(address('crash'), {}, never),
  reset: async () => dropMemorySpace('crash'),
});

for (const holds of ['entries', 'tables'] as const) {
  faultySuite({
    name: `memory with ${holds}`,
    holds,
    open: () => memoryDriver.open(address('faulty'), {}, never),
    reset: async () => dropMemorySpace('faulty'),
  });
}

const names = { from: 'followed from', to: 'followed to' };
let written = 0;

followingContract({
  name: 'memory',
  async open() {
    const [from, to] = await Promise.all(
      [names.from, names.to].map((name) => memoryDriver.open(address(name), {}, never)),
    );
    if (!from?.source?.feed || !to?.sink?.intake) throw new TypeError('memory can follow');
    return {
      feed: from.source.feed,
      intake: to.sink.intake,
      async [Symbol.asyncDispose]() {
        await from[Symbol.asyncDispose]();
        await to[Symbol.asyncDispose]();
      },
    };
  },
  async reset() {
    for (const name of Object.values(names)) {
      dropMemorySpace(name);
      for (const { item, ...content } of sampleTables({ people: 9 })) putInSpace(memorySpace(name), item, content);
    }
  },
  write: async (end, rows) => transact(memorySpace(names[end]), changesOf(names[end], rows)),
  async beginTransaction() {
    const transaction = beginTransaction(memorySpace(names.from));
    return {
      commit: async () => transaction.commit(changesOf(names.from, 2)),
      rollback: async () => transaction.rollback(),
    };
  },
  contents: async (end) =>
    JSON.stringify(
      [...memorySpace(names[end]).items].map(([key, { rows = [], parts = [] }]) => [
        key,
        rows.map((row) => Buffer.from(row).toString('hex')).sort(),
        parts.map(({ offset, bytes }) => [offset, Buffer.from(bytes).toString('hex')]),
      ]),
    ),
  nextNumber: async (end) => nextNumber(memorySpace(names[end]), 'numbers'),
  manyRows: 50,
});

/** New rows, one that changes, one that goes, and a file that is written over. */
function changesOf(name: string, rows: number): MemoryChange[] {
  const { items } = memorySpace(name);
  const [changed, gone] = items.get('pairs')?.rows ?? [];
  const bytes = Buffer.from(`content ${written}`);
  const entry = { mode: 0o100644, uid: 0, gid: 0, mtime: '1700000000000000000' };
  const file = { key: 'file.txt', kind: 'file', stage: 'data', bytes: bytes.length, entry } as const;
  return [
    ...Array.from({ length: rows }, () => ({ do: 'row', table: 'pairs', insert: newRow() }) as const),
    ...(changed ? [{ do: 'row', table: 'pairs', remove: changed, insert: newRow() } as const] : []),
    ...(gone ? [{ do: 'row', table: 'pairs', remove: gone } as const] : []),
    { do: 'put', item: file, parts: [{ offset: 0, bytes }] },
  ];
}

function newRow(): Uint8Array {
  const writer = new RowWriter(64);
  writer.beginRow(3);
  writer.integer((written += 1), 32);
  writer.text('a new row');
  writer.null();
  return Uint8Array.from(writer.take());
}
