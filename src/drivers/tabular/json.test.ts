import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jsonDriver } from './driver.ts';
import { folderOf, readAll, type SeenTable } from './tabular-fixture.ts';

async function readOne(content: string, options: Readonly<Record<string, unknown>> = {}): Promise<SeenTable> {
  using folder = folderOf({ 't.jsonl': content });
  const { tables } = await readAll(jsonDriver, folder.path, options);
  const [table] = tables;
  assert.ok(table, 'there is a table');
  return table;
}

const lines = (...values: readonly unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');

describe('JSON lines', () => {
  it('give a column for every key of any line, in any order; what is absent is NULL', async () => {
    const { types, rows } = await readOne('{"a":1,"b":"x"}\n{"b":null,"c":true}\n\n{ "c" : false , "a" : 2 }\n');
    assert.deepEqual(types, { a: 'bigint', b: 'text', c: 'boolean' });
    assert.deepEqual(rows, [
      ['1', 'x', null],
      [null, null, 't'],
      ['2', null, 'f'],
    ]);
  });

  it('keep strings strings, whatever they look like, but for dates, times and UUIDs', async () => {
    const { types } = await readOne(
      lines({
        zip: '01234',
        n: '5',
        day: '2024-01-31',
        at: '2024-01-31T10:00:00Z',
        id: '6f9619ff-8b86-d011-b42d-00c04fc964ff',
      }),
    );
    assert.deepEqual(types, { zip: 'text', n: 'text', day: 'date', at: 'timestamptz', id: 'uuid' });
  });

  it('keep numbers exactly', async () => {
    const { types, rows } = await readOne('{"i":9223372036854775807,"d":0.10,"b":123456789012345678901,"f":1e-7}\n');
    assert.deepEqual(types, { i: 'bigint', d: 'decimal(18,2)', b: 'decimal(38,0)', f: 'float' });
    assert.deepEqual(rows, [['9223372036854775807', '0.10', '123456789012345678901', '1e-07']]);
  });

  it('read escapes, in values and in keys', async () => {
    const { types, rows } = await readOne('{"\\u0061":"tab\\t \\"q\\" \\\\ \\/ \\u00e9 \\ud83d\\ude00"}\n{"a":"b"}\n');
    assert.deepEqual(types, { a: 'text' });
    assert.deepEqual(rows, [['tab\t "q" \\ / é 😀'], ['b']]);
  });

  it('carry lists, objects and mixed values as JSON, as they stand', async () => {
    const { types, rows } = await readOne('{"l":[1, 2],"o":{"x":"}"},"m":1}\n{"m":"one"}\n');
    assert.deepEqual(types, { l: 'json', o: 'json', m: 'json' });
    assert.deepEqual(rows, [
      ['[1, 2]', '{"x":"}"}', '1'],
      [null, null, '"one"'],
    ]);
  });

  it('that are none are left out by file and line', async () => {
    const { rows, rejects } = await readOne('{"a":1}\n{"a":2\n[1]\n{"a":1,"a":2}\n{"a":3} x\n{"a":tru}\n{"a":4}\n');
    assert.deepEqual(rows, [['1'], ['4']]);
    assert.deepEqual(
      rejects.map(({ key, reason }) => `${key} ${reason}`),
      [
        '["t.jsonl line 2"] the line is not one JSON object',
        '["t.jsonl line 3"] the line is not one JSON object',
        '["t.jsonl line 4"] a key stands there twice',
        '["t.jsonl line 5"] the line is not one JSON object',
        '["t.jsonl line 6"] the line is not one JSON object',
      ],
    );
  });

  it('are told from one JSON array, which is refused with the command that mends it', async () => {
    using folder = folderOf({ 't.json': '\n [{"a":1}]' });
    await assert.rejects(readAll(jsonDriver, folder.path), { code: 'item.unreadable', hint: /jq/ });
  });
});
