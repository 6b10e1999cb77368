import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { csvDriver } from './driver.ts';
import { folderOf, openFiles, readAll, type SeenTable } from './tabular-fixture.ts';

async function readOne(
  content: string | Uint8Array,
  options: Readonly<Record<string, unknown>> = {},
  targetBytes?: number,
): Promise<SeenTable> {
  using folder = folderOf({ 't.csv': content });
  const { tables } = await readAll(csvDriver, folder.path, options, targetBytes);
  const [table] = tables;
  assert.ok(table, 'there is a table');
  return table;
}

const rowsOf = async (content: string, options: Readonly<Record<string, unknown>> = {}) =>
  (await readOne(content, options)).rows;

describe('rows of CSV', () => {
  /** The cases of csv-spectrum (github.com/max-mapper/csv-spectrum). */
  const spectrum: readonly (readonly [
    title: string,
    content: string,
    rows: readonly (readonly (string | null)[])[],
  ])[] = [
    [
      'a comma in quotes',
      'first,last,address,city,zip\nJohn,Doe,120 any st.,"Anytown, WW",08123',
      [['John', 'Doe', '120 any st.', 'Anytown, WW', '08123']],
    ],
    [
      'empty fields, quoted or not',
      'a,b,c\n1,"",""\n2,3,4\n',
      [
        ['1', '', ''],
        ['2', '3', '4'],
      ],
    ],
    [
      'empty fields and CRLF',
      'a,b,c\r\n1,"",""\r\n2,3,4\r\n',
      [
        ['1', '', ''],
        ['2', '3', '4'],
      ],
    ],
    [
      'quotes in quotes',
      'a,b\n1,"ha ""ha"" ha"\n3,4\n',
      [
        ['1', 'ha "ha" ha'],
        ['3', '4'],
      ],
    ],
    [
      'JSON in quotes',
      'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
      [['1', '{"type": "Point", "coordinates": [102.0, 0.5]}']],
    ],
    [
      'line ends in quotes',
      'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
      [
        ['1', '2', '3'],
        ['Once upon \na time', '5', '6'],
        ['7', '8', '9'],
      ],
    ],
    [
      'line ends and quotes in quotes',
      'a,b\n1,"ha \n""ha"" \nha"\n3,4\n',
      [
        ['1', 'ha \n"ha" \nha'],
        ['3', '4'],
      ],
    ],
    [
      'UTF-8',
      'a,b,c\n1,2,3\n4,5,ʤ\n',
      [
        ['1', '2', '3'],
        ['4', '5', 'ʤ'],
      ],
    ],
    ['CRLF', 'a,b,c\r\n1,2,3\r\n', [['1', '2', '3']]],
  ];
  for (const [title, content, rows] of spectrum) {
    it(`reads ${title}`, async () => assert.deepEqual(await rowsOf(content), rows));
  }

  it('reads LF, CRLF and CR in one file, with or without the last one', async () => {
    assert.deepEqual(await rowsOf('a,b\r\n1,2\n3,4\r5,6'), [
      ['1', '2'],
      ['3', '4'],
      ['5', '6'],
    ]);
  });

  it('takes a byte order mark for no part of the first name', async () => {
    const { types, rows } = await readOne('\ufeff"id",b\n1,2\n');
    assert.deepEqual([types, rows], [{ id: 'bigint', b: 'bigint' }, [['1', '2']]]);
  });

  it('reads semicolons, tabs and bars without being told', async () => {
    for (const mark of [';', '\t', '|']) {
      assert.deepEqual(await rowsOf(`a${mark}b\n1,5${mark}x\n2,5${mark}"y${mark}z"\n`), [
        ['1,5', 'x'],
        ['2,5', `y${mark}z`],
      ]);
    }
  });

  it('tells NULL from an empty text, in the way it is asked to', async () => {
    const content = 'a,b,c\nx,,""\n\\N,NA,"NA"\n';
    assert.deepEqual(await rowsOf(content), [
      ['x', null, ''],
      ['\\N', 'NA', 'NA'],
    ]);
    assert.deepEqual(await rowsOf(content, { null: 'NA' }), [
      ['x', '', ''],
      ['\\N', null, 'NA'],
    ]);
    assert.deepEqual(await rowsOf(content, { quotedNull: true }), [
      ['x', null, null],
      ['\\N', 'NA', 'NA'],
    ]);
  });

  it('passes over empty lines, except in a table of one column, where they are NULL', async () => {
    assert.deepEqual(await rowsOf('a,b\n1,2\n\n3,4\n\n'), [
      ['1', '2'],
      ['3', '4'],
    ]);
    assert.deepEqual(await rowsOf('a\nx\n\ny\n'), [['x'], [null], ['y']]);
  });

  it('keeps quotes in the middle of a field as they are', async () => {
    assert.deepEqual(await rowsOf('a,b\n5" pipe,say "hi"\n'), [['5" pipe', 'say "hi"']]);
  });

  it('reads the same rows in small chunks as in one, also across line ends in quotes', async () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => `${i},"line ${i}\nof ""two"", ${'x'.repeat(i % 50)}"`);
    const content = `n,text\n${lines.join('\n')}\n`;
    const whole = await readOne(content);
    const pieces = await readOne(content, {}, 100_000);
    assert.equal(whole.rows.length, 60_000);
    assert.deepEqual(pieces, whole);
  });

  it('reads 1 600 columns', async () => {
    const names = Array.from({ length: 1600 }, (_, i) => `c${i}`);
    const { rows } = await readOne(`${names.join(',')}\n${names.map((_, i) => i).join(',')}\n`);
    assert.equal(rows[0]?.[1599], '1599');
  });

  it('reads compressed files, also such of several members', async () => {
    const [a, b] = ['id,name\n1,one\n', '2,two\n'];
    using folder = folderOf({
      'g.csv.gz': Buffer.concat([gzipSync(a), gzipSync(b)]),
      'z.csv.zst': Buffer.concat([zstdCompressSync(a), zstdCompressSync(b)]),
    });
    const { tables } = await readAll(csvDriver, folder.path);
    assert.deepEqual(
      tables.map(({ name }) => name),
      ['g', 'z'],
    );
    for (const { rows } of tables)
      assert.deepEqual(rows, [
        ['1', 'one'],
        ['2', 'two'],
      ]);
  });

  it('says of a compressed file that is cut short that it is', async () => {
    const packed = gzipSync(`id\n${Array.from({ length: 10_000 }, (_, i) => i * 7919).join('\n')}\n`);
    using folder = folderOf({ 't.csv.gz': packed.subarray(0, packed.length - 100) });
    await assert.rejects(readAll(csvDriver, folder.path), { code: 'item.unreadable' });
  });
});

describe('types of CSV', () => {
  const typeOf = async (...values: string[]) =>
    (await readOne(`v,w\n${values.map((v) => `${v},x`).join('\n')}\n`)).types['v'];

  it('are the narrowest that hold every value exactly', async () => {
    assert.equal(await typeOf('1', '-5', '9223372036854775807', '-9223372036854775808'), 'bigint');
    assert.equal(await typeOf('1', '9223372036854775808'), 'decimal(38,0)');
    assert.equal(await typeOf('1', '1.50', '-0.001'), 'decimal(18,3)');
    assert.equal(await typeOf('123456789012345678901234567890123456789'), 'decimal');
    assert.equal(await typeOf('1e5', '2.5', '-0', 'NaN', '1.7976931348623157e308'), 'float');
    assert.equal(await typeOf('true', 'False'), 'boolean');
    assert.equal(await typeOf('2024-02-29', '0001-01-01'), 'date');
    assert.equal(await typeOf('10:00:00', '23:59:59.5'), 'time');
    assert.equal(await typeOf('2024-02-29 10:00:00', '2024-02-29T23:59:59.123456'), 'timestamp');
    assert.equal(await typeOf('2024-02-29 10:00:00Z', '2024-02-29T23:59:59+02:00'), 'timestamptz');
    assert.equal(await typeOf('6f9619ff-8b86-d011-b42d-00c04fc964ff'), 'uuid');
  });

  it('are text where another type would change a value', async () => {
    for (const values of [
      ['1', '007'],
      ['+49123'],
      ['1', 'x'],
      ['1', ' 2'],
      ['1,5'.replace(',', '_')],
      ['.5'],
      ['5.'],
      ['2024-02-30'],
      ['2024-02-29', '2024-02-29 10:00:00'],
      ['2024-02-29 10:00:00', '2024-02-29 10:00:00Z'],
      ['2024-02-29 10:00:00.1234567'],
      ['24:00:01'],
      ['t', 'f'],
      ['6F9619FF-8B86-D011-B42D-00C04FC964FF'],
      ['0.1234567890123456789e3'],
      ['1e400'],
    ]) {
      assert.equal(await typeOf(...values), 'text', values.join(' '));
    }
  });

  it('come from all values, also one that is odd at the very end', async () => {
    const lines = Array.from({ length: 200_000 }, (_, i) => `${i},x`);
    assert.equal((await readOne(`v,w\n${lines.join('\n')}\n`)).types['v'], 'bigint');
    const { types, rows } = await readOne(`v,w\n${lines.join('\n')}\n007,x\n`);
    assert.equal(types['v'], 'text');
    assert.equal(rows.at(-1)?.[0], '007');
  });

  it('can be said, and what does not fit is left out by file and line', async () => {
    const { types, rows, rejects } = await readOne('id,day\n1,2024-01-01\nx,2024-01-02\n3,never\n', {
      types: 'id=integer,t.day=date',
    });
    assert.deepEqual(types, { id: 'bigint', day: 'date' });
    assert.deepEqual(rows, [['1', '2024-01-01']]);
    assert.deepEqual(
      rejects.map(({ key, column, code }) => [key, column, code]),
      [
        ['["t.csv line 3"]', 'id', 'value.unfit'],
        ['["t.csv line 4"]', 'day', 'value.unfit'],
      ],
    );
  });

  it('are told in the plan', async () => {
    using folder = folderOf({ 't.csv': 'id,name,empty\n1,x,\n' });
    const { findings } = await readAll(csvDriver, folder.path);
    assert.match(findings[0]?.message ?? '', /by all of its values: id bigint, name text, empty text/);
    assert.match(findings[1]?.message ?? '', /hold nothing.*empty/);
  });
});

describe('what is wrong with CSV', () => {
  const rejected = async (content: string | Uint8Array) => {
    using folder = folderOf({ 't.csv': content });
    const { tables, findings } = await readAll(csvDriver, folder.path);
    const found = findings.find(({ level }) => level === 'warning');
    return { rows: tables[0]?.rows, rejects: tables[0]?.rejects.map(({ key, reason }) => `${key} ${reason}`), found };
  };

  it('is named by file and line, in the plan and when it is read', async () => {
    const { rows, rejects, found } = await rejected('a,b\n1,"x\ny"\n1,2,3\n4\n5,6\n');
    assert.deepEqual(rows, [
      ['1', 'x\ny'],
      ['5', '6'],
    ]);
    assert.deepEqual(rejects, [
      '["t.csv line 4"] it has more fields than there are columns',
      '["t.csv line 5"] it has fewer fields than there are columns',
    ]);
    assert.match(found?.message ?? '', /2 rows of t cannot be carried; the first is \["t.csv line 4"\]/);
  });

  it('may be a quote that is never closed, or text behind one', async () => {
    assert.deepEqual((await rejected('a,b\n1,2\n3,"four\n5,6\n')).rejects, [
      '["t.csv line 3"] a quote is opened and never closed; the file may be cut short',
    ]);
    assert.deepEqual((await rejected('a,b\n1,"two" or three\n4,5\n')).rejects, [
      '["t.csv line 2"] text follows a closing quote',
    ]);
  });

  it('may be bytes that are no text', async () => {
    const bad = Buffer.concat([
      Buffer.from('a,b\nfine,x\n'),
      Buffer.from([0xc3, 0x28, 44, 120, 10]),
      Buffer.from('n\0l,x\n'),
    ]);
    const { rows, rejects } = await rejected(bad);
    assert.deepEqual(rows, [['fine', 'x']]);
    assert.deepEqual(rejects, ['["t.csv line 3"] it is not UTF-8 text', '["t.csv line 4"] it holds a NUL byte']);
  });

  it('may be two columns of one name, which is refused', async () => {
    using folder = folderOf({ 't.csv': 'id,name,id\n1,2,3\n' });
    const { tables, findings } = await readAll(csvDriver, folder.path);
    assert.equal(tables.length, 0);
    assert.deepEqual([findings[0]?.level, findings[0]?.code], ['error', 'plan.name-clash']);
    assert.match(findings[0]?.message ?? '', /fields 1 and 3 of its header are both called id/);
  });

  it('may be no content: an empty file is no table, a header alone is one without rows', async () => {
    using folder = folderOf({ 'empty.csv': '', 'header.csv': 'id,name\n' });
    const { tables, findings } = await readAll(csvDriver, folder.path);
    assert.deepEqual(tables, [{ name: 'header', types: { id: 'text', name: 'text' }, rows: [], rejects: [] }]);
    assert.ok(findings.some(({ level, message }) => level === 'warning' && /empty\.csv is empty/.test(message)));
  });

  it('may be UTF-16, which is refused with the command that mends it', async () => {
    using folder = folderOf({ 't.csv': Buffer.from('\ufeffa,b\n1,2\n', 'utf16le') });
    await assert.rejects(readAll(csvDriver, folder.path), { code: 'item.unreadable', hint: /iconv/ });
  });
});

describe('headers of CSV', () => {
  it('are the first line, unless that holds data; then columns are numbered and the plan says so', async () => {
    using folder = folderOf({ 'with.csv': 'id,name\n1,x\n', 'without.csv': '1,x\n2,y\n' });
    const { tables, findings } = await readAll(csvDriver, folder.path);
    assert.deepEqual(
      tables.map(({ types }) => types),
      [
        { id: 'bigint', name: 'text' },
        { column1: 'bigint', column2: 'text' },
      ],
    );
    assert.ok(findings.some(({ code, where }) => code === 'column.unnamed' && where === 'without'));
  });

  it('are what the option says', async () => {
    assert.deepEqual((await readOne('2019,2020\n1,2\n', { header: 'yes' })).types, { 2019: 'bigint', 2020: 'bigint' });
    assert.deepEqual(await rowsOf('a,b\nc,d\n', { header: 'no' }), [
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });
});

describe('files and tables', () => {
  it('are one for one; a subfolder or the option table makes one of many, columns in any order', async () => {
    using folder = folderOf({
      'people.csv': 'id,name\n1,Ann\n',
      'sales/2023.csv': 'year,sum\n2023,1\n',
      'sales/2024.csv': 'sum,year\n2,2024\n',
      '.hidden.csv': 'x\n1\n',
    });
    const { tables } = await readAll(csvDriver, folder.path);
    assert.deepEqual(
      tables.map(({ name, rows }) => [name, rows]),
      [
        ['people', [['1', 'Ann']]],
        [
          'sales',
          [
            ['2023', '1'],
            ['2024', '2'],
          ],
        ],
      ],
    );
    const all = await readAll(csvDriver, `${folder.path}/sales/*.csv`, { table: 'all' });
    assert.deepEqual(
      all.tables.map(({ name, rows }) => [name, rows.length]),
      [['all', 2]],
    );
  });

  it('of one table must have the same columns', async () => {
    using folder = folderOf({ 't/a.csv': 'id,name\n1,x\n', 't/b.csv': 'id\n2\n' });
    const { tables, findings } = await readAll(csvDriver, folder.path);
    assert.equal(tables.length, 0);
    assert.match(findings[0]?.message ?? '', /only one has a column name/);
  });

  it('that change after the snapshot stop the reading', async () => {
    using folder = folderOf({ 't.csv': 'id\n1\n' });
    await using store = await openFiles(csvDriver, folder.path);
    const signal = new AbortController().signal;
    await using snapshot = await store.source.snapshot?.(undefined, signal);
    assert.ok(snapshot);
    const [item] = (await Array.fromAsync(store.source.list(() => {}, signal))).flat();
    assert.ok(item);
    const { writeFileSync } = await import('node:fs');
    writeFileSync(`${folder.path}/t.csv`, 'id\n1\n2\n');
    await assert.rejects(
      async () => {
        const payload = await store.source.read({ id: 'all', bytes: 5 }, item, item, 'rows', signal);
        for await (const _ of payload.parts) assert.fail('it was read');
      },
      { code: 'source.moved' },
    );
  });
});
