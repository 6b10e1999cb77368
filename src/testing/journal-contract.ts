import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Journal, RunHeader } from '../journal/journal.ts';
import type { RunEvent } from '../model/event.ts';
import type { Step } from '../model/step.ts';

/** Where another process finds the journal's opening function, for a journal that several processes share. */
export interface JournalModule {
  readonly url: string;
  readonly name: string;
}

/** What every journal must do. `open` is given a folder that is empty at first; opened again, it must find what was
 *  recorded, unless `elsewhere` is absent (a journal that lives in memory). */
export function journalContract(
  name: string,
  open: (folder: string) => Promise<Journal>,
  elsewhere?: JournalModule,
): void {
  describe(`journal contract: ${name}`, () => {
    test('a header comes back as it was given, runs come newest first', async () => {
      await using place = await folderFor(open);
      const { journal } = place;
      await journal.create(runHeader('r1', 1000), []);
      await journal.create(runHeader('r2', 3000), []);
      await journal.create(runHeader('r3', 2000), []);
      assert.deepEqual(await journal.header('r1'), runHeader('r1', 1000));
      assert.deepEqual(
        (await journal.runs()).map((header) => header.id),
        ['r2', 'r3', 'r1'],
      );
    });

    test('an unknown run is named in run.unknown, whatever is asked of it', async () => {
      await using place = await folderFor(open);
      const { journal } = place;
      const unknown = { code: 'run.unknown', message: /r404/ };
      await assert.rejects(journal.header('r404'), unknown);
      await assert.rejects(journal.record('r404', event(0)), unknown);
      await assert.rejects(journal.claim('r404'), unknown);
      await assert.rejects(Array.fromAsync(journal.steps('r404')), unknown);
      await assert.rejects(Array.fromAsync(journal.replay('r404')), unknown);
    });

    test('the steps of a plan come back in order, names that are not UTF-8 included', async () => {
      await using place = await folderFor(open);
      const { journal } = place;
      const given = [
        [step(0, 'caf\u00e9'), step(1, 'bad\udcff')],
        [],
        [step(2, 'x'.repeat(3 << 20))],
        [step(3, 'last')],
      ];
      await journal.create(runHeader('r1'), given);
      const back = await Array.fromAsync(journal.steps('r1'));
      assert.deepEqual(back.flat(), given.flat());
    });

    test('a plan whose steps cannot all be had leaves no run', async () => {
      await using place = await folderFor(open);
      const { journal } = place;
      const steps = (function* () {
        yield [step(0, 'a')];
        throw new Error('the source went away');
      })();
      await assert.rejects(journal.create(runHeader('r1'), steps), /went away/);
      assert.deepEqual(await journal.runs(), []);
      await assert.rejects(journal.header('r1'), { code: 'run.unknown' });
      await journal.create(runHeader('r1'), [[step(0, 'b')]]);
      assert.deepEqual((await Array.fromAsync(journal.steps('r1'))).flat(), [step(0, 'b')]);
    });

    test('events are replayed in the order recorded, each run by itself, and after any of them', async () => {
      await using place = await folderFor(open);
      const { journal } = place;
      await journal.create(runHeader('r1'), []);
      await journal.create(runHeader('r2'), []);
      const count = 2500;
      const recorded = Array.from({ length: count }, (_, n) => journal.record(n % 5 === 0 ? 'r2' : 'r1', event(n)));
      await Promise.all(recorded);
      const first = (await Array.fromAsync(journal.replay('r1'))).flat();
      assert.deepEqual(
        first.map((line) => line.event),
        Array.from({ length: count }, (_, n) => n)
          .filter((n) => n % 5 !== 0)
          .map(event),
      );
      assert.equal((await Array.fromAsync(journal.replay('r2'))).flat().length, count / 5);
      const middle = first[1234];
      assert.ok(middle);
      assert.deepEqual((await Array.fromAsync(journal.replay('r1', middle.seq))).flat(), first.slice(1235));
      assert.deepEqual(await Array.fromAsync(journal.replay('r1', first.at(-1)?.seq)), []);
    });

    test('a promise of record() resolves only when the event can be replayed', async () => {
      await using place = await folderFor(open);
      const { journal } = place;
      await journal.create(runHeader('r1'), []);
      const seen: number[] = [];
      const check = async (n: number) => {
        await journal.record('r1', event(n));
        seen.push((await Array.fromAsync(journal.replay('r1'))).flat().length);
      };
      await Promise.all([check(0), check(1).then(() => check(2))]);
      assert.ok(
        seen.every((length, n) => length > n),
        `replayable when resolved: ${seen.join(', ')}`,
      );
    });

    test('a claim keeps a second one out until it is disposed', async () => {
      await using place = await folderFor(open);
      const { journal } = place;
      await journal.create(runHeader('r1'), []);
      await journal.create(runHeader('r2'), []);
      const claim = await journal.claim('r1');
      await assert.rejects(journal.claim('r1'), { code: 'run.busy', message: new RegExp(`process ${process.pid}`) });
      (await journal.claim('r2'))[Symbol.dispose]();
      claim[Symbol.dispose]();
      claim[Symbol.dispose]();
      (await journal.claim('r1'))[Symbol.dispose]();
    });

    test('100 000 receipts are recorded durably in under 2 seconds', async (t) => {
      await using place = await folderFor(open);
      const { journal } = place;
      await journal.create(runHeader('r1'), []);
      const start = performance.now();
      for (let n = 0; n < 100_000; n += 1000) {
        await Promise.all(Array.from({ length: 1000 }, (_, i) => journal.record('r1', event(n + i))));
      }
      const seconds = (performance.now() - start) / 1000;
      t.diagnostic(`100 000 receipts in ${seconds.toFixed(2)} s`);
      assert.ok(seconds < 2, `took ${seconds.toFixed(2)} s`);
    });
  });

  if (!elsewhere) return;
  describe(`journal contract across processes: ${name}`, () => {
    test('what was recorded is there when the journal is opened again', async () => {
      await using place = await folderFor(open);
      await place.journal.create(runHeader('r1'), [[step(0, 'a')]]);
      const last = place.journal.record('r1', event(7));
      await place.journal[Symbol.asyncDispose]();
      await last;
      await using again = await open(place.folder);
      assert.deepEqual(await again.header('r1'), runHeader('r1'));
      assert.deepEqual(
        (await Array.fromAsync(again.replay('r1'))).flat().map((line) => line.event),
        [event(7)],
      );
    });

    test('every acknowledged receipt survives SIGKILL', async () => {
      for (const killAfter of [1, 57, 400]) {
        await using place = await folderFor(open);
        await place.journal.create(runHeader('r1'), []);
        const child = startChild(elsewhere, place.folder, 'record');
        const acknowledged: string[] = [];
        for await (const line of createInterface({ input: child.stdout })) {
          acknowledged.push(line);
          if (acknowledged.length === killAfter) child.kill('SIGKILL');
        }
        assert.ok(acknowledged.length >= killAfter);
        await using again = await open(place.folder);
        const lines = (await Array.fromAsync(again.replay('r1'))).flat();
        const stored = new Set(lines.map(({ event }) => (event.type === 'chunk.written' ? event.receipt.chunk : '')));
        assert.deepEqual(
          acknowledged.filter((chunk) => !stored.has(chunk)),
          [],
        );
      }
    });

    test('a claim holds against another process, names its holder, and dies with it', async () => {
      await using place = await folderFor(open);
      const { journal } = place;
      await journal.create(runHeader('r1'), []);
      const holder = startChild(elsewhere, place.folder, 'claim');
      assert.equal(await firstLine(holder), 'claimed');
      await assert.rejects(journal.claim('r1'), { code: 'run.busy', message: new RegExp(`process ${holder.pid} on `) });
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      using _mine = await journal.claim('r1');
      const late = startChild(elsewhere, place.folder, 'claim');
      assert.match(await firstLine(late), new RegExp(`process ${process.pid} on `));
      if (late.exitCode === null) await once(late, 'exit');
    });

    test('others read while one records', async () => {
      await using place = await folderFor(open);
      await place.journal.create(runHeader('r1'), [[step(0, 'a')]]);
      const writer = startChild(elsewhere, place.folder, 'record');
      try {
        await firstLine(writer);
        const counts: number[] = [];
        for (let look = 0; look < 3; look++) {
          await using reader = await open(place.folder);
          assert.equal((await reader.runs()).length, 1);
          counts.push((await Array.fromAsync(reader.replay('r1'))).flat().length);
          counts.push(Number(await firstLine(startChild(elsewhere, place.folder, 'read'))));
        }
        assert.ok(
          counts.every((count, n) => count >= (counts[n - 1] ?? 1)),
          `events seen: ${counts.join(', ')}`,
        );
        assert.ok((counts.at(-1) ?? 0) > (counts[0] ?? 0));
        assert.equal(writer.exitCode, null, 'the writer went on');
      } finally {
        writer.kill('SIGKILL');
        await once(writer, 'close');
      }
    });
  });
}

async function folderFor(open: (folder: string) => Promise<Journal>) {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-journal-'));
  const journal = await open(folder);
  return {
    folder,
    journal,
    async [Symbol.asyncDispose]() {
      await journal[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

function startChild(elsewhere: JournalModule, folder: string, role: 'record' | 'claim' | 'read') {
  const program = fileURLToPath(new URL(`./journal-child${extname(import.meta.url)}`, import.meta.url));
  return spawn(process.execPath, [program, elsewhere.url, elsewhere.name, folder, 'r1', role], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function firstLine(child: ChildProcess & { readonly stdout: NodeJS.ReadableStream }): Promise<string> {
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string | undefined];
  child.stdout.resume();
  return line ?? '';
}

const event = (n: number): RunEvent => ({
  type: 'chunk.written',
  step: n % 7,
  receipt: {
    chunk: `rows:${n}..${n + 1}`,
    bytes: 4_194_304 + n,
    rows: 1000,
    digest: `rows:${n.toString(16).padStart(16, '0')}`,
  },
});

function step(seq: number, key: string): Step {
  const item = { key, kind: 'file', stage: 'data', bytes: 12, fingerprint: '1:2:3' } as const;
  return { seq, shipment: 0, action: 'copy', item, as: item, into: 'empty' };
}

function runHeader(id: string, createdAt = 1_750_000_000_000): RunHeader {
  const none = { items: 0, bytes: 0, rows: 0 };
  return {
    id,
    createdAt,
    job: {
      name: 'contract',
      workers: 4,
      maxQuarantine: 0,
      shipments: [
        {
          name: 'files',
          from: { address: './from', options: {} },
          to: { address: './to', options: { password: '${env:PGPASSWORD}' } },
          strategy: 'full',
          into: 'empty',
          verify: 'digests',
          deletions: false,
          include: ['**/*.é'],
          exclude: [],
          chunkBytes: 4 << 20,
        },
      ],
    },
    findings: [{ level: 'warning', code: 'entry.skipped', message: 'A socket is passed over.', where: 'run/socket' }],
    totals: { copy: { items: 3, bytes: 36, rows: 0 }, keep: none, remove: none, estimatedSeconds: 0.5 },
  };
}
