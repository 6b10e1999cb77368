import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { contentOf, openClonePair } from '../src/testing/clone-fixture.ts';
import { workplace, type Workplace } from './run-waybill.ts';

const pair = await openClonePair();

/** About 40 chunks of 64 KiB, a table without key and one of large values beside it. */
const tables = `
  CREATE TABLE wide (id int PRIMARY KEY, n int, body text) WITH (fillfactor = 90);
  INSERT INTO wide SELECT i, i % 7, repeat(md5(i::text), 3) FROM generate_series(1, 20000) i;
  CREATE INDEX wide_n ON wide (n); CREATE UNIQUE INDEX wide_body ON wide (body, id);
  CREATE TABLE keyless (a int, b text); INSERT INTO keyless SELECT i / 2, 'row' FROM generate_series(1, 20000) i;
  CREATE TABLE child (id int PRIMARY KEY, wide int REFERENCES wide ON DELETE CASCADE);
  INSERT INTO child SELECT i, i * 3 FROM generate_series(1, 3000) i;
  ANALYZE`;

/** Rows move to other pages, vanish, appear in pages that had room and in pages that are new. */
const changes = `
  UPDATE wide SET n = n + 100, body = body || 'x' WHERE id % 4000 < 5;
  DELETE FROM wide WHERE id BETWEEN 700 AND 720 AND id % 3 <> 0;
  INSERT INTO wide SELECT i, i, md5(i::text) FROM generate_series(20001, 23000) i;
  DELETE FROM keyless WHERE ctid IN (SELECT min(ctid) FROM keyless WHERE a = 77 GROUP BY a);
  INSERT INTO keyless VALUES (5, 'row'), (NULL, NULL)`;

const names = ['wide', 'keyless', 'child'];

describe('a clone whose snapshot is gone', () => {
  after(() => pair[Symbol.asyncDispose]());

  for (const [when, moment] of [
    ['after a few chunks', written(4)],
    ['in the middle', written(25)],
    ['when indexes are built', filled()],
    ['when it is verified', (line: string) => line.includes('"phase":"verifying"')],
  ] as const) {
    it(`is killed ${when}, the source changes, and it ends equal to what the source holds or held`, async () => {
      using place = workplace();
      await pair.begin(tables);
      const held = await contents(pair.source);
      await cut(place, moment, (child) => void child.kill('SIGKILL'));
      await pair.source.query(changes);
      const now = await contents(pair.source);
      const resumed = await place.waybill('resume', 'latest', '--json');
      assert.equal(resumed.code, 0, resumed.stdout + resumed.stderr);
      const have = await contents(pair.target);
      // Once every table had arrived, they stay as they were at that moment.
      assert.ok(
        [now.join(), held.join()].includes(have.join()),
        `${have.join()} is neither ${now.join()} nor ${held.join()}`,
      );
      assert.match(resumed.stdout, /chunks still read the same and are kept|All tables had arrived before/);
      const fk = await pair.target.query(`SELECT FROM pg_constraint WHERE contype = 'f' AND convalidated`);
      assert.equal(fk.rowCount, 1);
    });
  }

  it('sends a chunk again when its session at either end is cut, and holds every row once', async () => {
    using place = workplace();
    await pair.begin(tables);
    let cuts = 0;
    const output = await cut(place, written(3), async (child) => {
      while (cuts < 4 && child.exitCode === null) {
        const client = cuts % 2 === 0 ? pair.source : pair.target;
        const { rowCount } = await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'waybill' AND query LIKE 'COPY%' AND state = 'active' LIMIT 1`,
        );
        cuts += rowCount ?? 0;
      }
    });
    assert.ok(cuts > 0);
    assert.match(output, /"outcome":"done"/);
    assert.deepEqual(await contents(pair.target), await contents(pair.source));
  });

  it('goes on with what still reads the same when the source was restarted underneath it', async () => {
    using place = workplace();
    await pair.begin(tables);
    await cut(place, written(12), () => pair.restartSource());
    await pair.source.query(changes);
    const resumed = await place.waybill('resume', 'latest', '--json');
    assert.equal(resumed.code, 0, resumed.stdout + resumed.stderr);
    assert.deepEqual(await contents(pair.target), await contents(pair.source));
    const [, kept] = /(\d+) chunks still read the same and are kept, \d+ are copied again/.exec(resumed.stdout) ?? [];
    assert.ok(Number(kept) > 0, resumed.stdout);
  });
});

function written(chunks: number): (line: string) => boolean {
  let seen = 0;
  return (line) => line.includes('"type":"chunk.written"') && ++seen === chunks;
}

/** The first table is whole, and its indexes are begun. */
function filled(): (line: string) => boolean {
  let chunks = 0;
  return (line) => {
    if (line.includes('"type":"chunk.written"')) chunks++;
    return chunks > 0 && line.includes('"type":"item.published"');
  };
}

async function contents(client: typeof pair.source): Promise<readonly string[]> {
  const all: string[] = [];
  for (const name of names) all.push(await contentOf(client, name));
  return all;
}

/** Runs until a line of its output says that the moment has come, does `then` and waits for its end; gives what it
 *  said after that. */
async function cut(
  place: Workplace,
  moment: (line: string) => boolean,
  then: (child: ChildProcess) => void | Promise<void>,
): Promise<string> {
  const child = place.start('run', pair.from.url(), pair.to.url(), '--chunk=64KiB', '--limit=1500kB/s', '--json');
  child.stderr?.resume();
  const ended = once(child, 'exit');
  assert.ok(child.stdout);
  let rest: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (rest !== undefined) rest += `${line}\n`;
    else if (moment(line)) {
      await then(child);
      rest = '';
    }
  }
  await ended;
  return rest ?? '';
}
