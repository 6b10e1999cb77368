import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { splitScript } from './sql-script.ts';

const entry = (title: string, sql: string) => `--\n-- Name: ${title}; Owner: -\n--\n\n${sql}\n\n`;
const table = 't; Type: TABLE; Schema: public';

describe('a script of pg_restore', () => {
  it('is cut into what it makes, behind a preamble, without the commands of psql', () => {
    const { preamble, entries } = splitScript(
      `--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET a = 1;\nDROP TABLE t;\n${entry(table, 'CREATE TABLE t ();')}${entry('x; Type: COMMENT; Schema: -', "COMMENT ON TABLE t IS 'x';")}\\unrestrict abc\n`,
    );
    assert.match(preamble, /SET a = 1;\nDROP TABLE t;$/);
    assert.ok(!preamble.includes('restrict'));
    assert.deepEqual(
      entries.map(({ kind, title, sql }) => [kind, title, sql.replace(/^--\n\n/, '')]),
      [
        ['TABLE', `${table}; Owner: -`, 'CREATE TABLE t ();'],
        ['COMMENT', 'x; Type: COMMENT; Schema: -; Owner: -', "COMMENT ON TABLE t IS 'x';"],
      ],
    );
  });

  const traps: readonly (readonly [string, string])[] = [
    ['a text', `SELECT 'it''s\n${entry(table, '')}';`],
    ['a text with escapes', `SELECT E'\\'\n${entry(table, '')}';`],
    ['a quoted name', `SELECT "a""\n${entry(table, '')}";`],
    ['a body', `AS $_$\n${entry(table, '$$')}$_$;`],
    ['a comment in a comment', `/* /* */\n${entry(table, '')}*/ SELECT 1;`],
  ];
  for (const [where, sql] of traps) {
    it(`is not cut by what looks like a title inside of ${where}`, () => {
      const { entries } = splitScript(`${entry(table, sql)}${entry(table, 'SELECT 2;')}`);
      assert.equal(entries.length, 2);
      assert.ok(entries[0]?.sql.endsWith(sql.trim()));
    });
  }

  it('is cut behind a name that holds a dollar sign', () => {
    const { entries } = splitScript(`${entry(table, 'CREATE TABLE a$b$ (c$ int);')}${entry(table, 'SELECT 2;')}`);
    assert.equal(entries.length, 2);
  });
});
