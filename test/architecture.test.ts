import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix, relative, sep } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../src', import.meta.url));

/** What each room may import, beside itself. Files that lie in src/ itself are the composition root: they may all. */
const doors: Readonly<Record<string, readonly string[]>> = {
  model: [],
  lib: [],
  store: ['model', 'lib'],
  journal: ['model', 'lib'],
  transform: ['model', 'lib'],
  drivers: ['model', 'store', 'lib'],
  plan: ['model', 'store', 'journal', 'lib'],
  move: ['model', 'store', 'transform', 'journal', 'lib'],
  verify: ['model', 'store', 'journal', 'lib'],
  follow: ['model', 'store', 'journal', 'move', 'lib'],
  cutover: ['model', 'store', 'journal', 'move', 'lib'],
  fleet: ['model', 'move', 'journal', 'lib'],
  engine: ['model', 'lib', 'store', 'journal', 'transform', 'plan', 'move', 'verify', 'follow', 'cutover', 'fleet'],
  config: ['model', 'store', 'lib'],
  cli: ['engine', 'config', 'verify', 'drivers/all.ts', 'store/registry.ts', 'store/options.ts', 'model', 'lib'],
  server: ['engine', 'config', 'verify', 'drivers/all.ts', 'store/registry.ts', 'store/options.ts', 'model', 'lib'],
  testing: [
    'model',
    'lib',
    'store',
    'journal',
    'transform',
    'drivers',
    'plan',
    'move',
    'verify',
    'follow',
    'cutover',
    'fleet',
  ],
};

/** What a room may name in `import type` besides: the shapes of what the engine hands out. */
const typeDoors: Readonly<Record<string, readonly string[]>> = {
  cli: ['journal', 'plan', 'store'],
  server: ['journal', 'plan', 'store'],
};

/** The files that start something: a process, a thread. They read the environment and may use the composition root. */
const entries = new Set(['cli/main.ts', 'server/main.ts', 'worker-thread.ts']);

/** The file that says what a room is for, where it is not named after the room. */
const leads: Readonly<Record<string, string>> = { cli: 'main.ts', server: 'main.ts', drivers: 'all.ts' };
/** Helpers without domain words have nothing to promise as a room. */
const withoutLead = new Set(['lib']);

interface Source {
  /** Below src/, with '/'. */
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly isTest: boolean;
  readonly imports: readonly Import[];
}

interface Import {
  readonly to: string;
  readonly typeOnly: boolean;
  /** Loaded when it is needed, so that it makes no circle. */
  readonly later: boolean;
}

const files: readonly Source[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((path) => path.split(sep).join('/'))
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(src, path), 'utf8');
    const isTest = path.endsWith('.test.ts');
    return { path, room: roomOf(path), text, isTest, imports: importsOf(path, text) };
  });

const code = files.filter(({ isTest, path }) => !isTest && !path.endsWith('.gen.ts'));

function roomOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

function importsOf(path: string, text: string): Import[] {
  const found = text.matchAll(/^(?:import|export)\s+(?:(type\s)?([^'";]*?)\sfrom\s+)?'(\.[^']*)'/gm);
  const lazy = text.matchAll(/\bimport\('(\.[^']*)'\)/g);
  const resolve = (specifier: string): string => posix.join(posix.dirname(path), specifier);
  return [
    ...Array.from(found, ([, type, names = '', to = '']) => {
      const typeOnly = type !== undefined || /^\{(?:\s*type\s+[\w\s]+,?)+\s*\}$/.test(names.trim());
      return { to: resolve(to), typeOnly, later: false };
    }),
    ...Array.from(lazy, ([, to = '']) => ({ to: resolve(to), typeOnly: false, later: true })),
  ];
}

const none = (violations: readonly string[], remedy: string): void =>
  assert.deepEqual(violations, [], `${remedy}\n  ${violations.join('\n  ')}\n`);

/** Without comments and what stands between quotes, so that a word in a sentence is no use of it. */
const bare = (text: string): string =>
  text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");

describe('architecture', () => {
  it('every room has its doors written down', () => {
    const unknown = [...new Set(files.map(({ room }) => room))].filter((room) => room !== '' && !(room in doors));
    none(unknown, 'Add the room to `doors` above and to ARCHITECTURE.md, or put its files where they belong.');
  });

  it('rooms import only through their doors', () => {
    const violations = code
      .filter(({ room }) => room !== '')
      .flatMap(({ path, room, imports }) =>
        imports
          .filter(({ to, typeOnly }) => {
            if (entries.has(path) && roomOf(to) === '') return false;
            const allowed = [...(doors[room] ?? []), ...(typeOnly ? (typeDoors[room] ?? []) : [])];
            return roomOf(to) !== room && !allowed.some((door) => to === door || to.startsWith(`${door}/`));
          })
          .map(({ to }) => `${path} imports ${to}`),
      );
    none(
      violations,
      'Hand the thing in as a parameter, move it to a room below, or, if the door should be open, change ARCHITECTURE.md and `doors` together.',
    );
  });

  it('drivers do not know each other', () => {
    const folder = (path: string): string => path.split('/').slice(0, 2).join('/');
    const violations = code
      .filter(({ path }) => path.startsWith('drivers/') && path.split('/').length > 2)
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ to }) => to.startsWith('drivers/') && folder(to) !== folder(path))
          .map(({ to }) => `${path} imports ${to}`),
      );
    none(violations, 'What two drivers need belongs in src/store or src/lib.');
  });

  it('only tests import tests', () => {
    const violations = code.flatMap(({ path, imports }) =>
      imports.filter(({ to }) => to.endsWith('.test.ts')).map(({ to }) => `${path} imports ${to}`),
    );
    none(violations, 'Move what is shared to src/testing.');
  });

  it('no file imports itself through others', () => {
    const next = new Map(
      code.map(({ path, imports }) => [
        path,
        imports.filter(({ typeOnly, later }) => !typeOnly && !later).map(({ to }) => to),
      ]),
    );
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      const at = trail.indexOf(path);
      if (at >= 0) cycles.push([...trail.slice(at), path].join(' → '));
      if (at >= 0 || done.has(path)) return;
      for (const to of next.get(path) ?? []) visit(to, [...trail, path]);
      done.add(path);
    };
    for (const path of next.keys()) visit(path, []);
    none(cycles, 'Break the circle: move what both need to a file of its own, or hand it in.');
  });

  it('everything is exported by name, and only src/index.ts is an index', () => {
    const defaults = code.filter(({ text }) => /^export default\b|\bas default\b/m.test(text)).map(({ path }) => path);
    none(defaults, 'Export by name: a default export has another name in each file that imports it.');
    const indexes = files.filter(({ path }) => basename(path) === 'index.ts' && path !== 'index.ts');
    none(
      indexes.map(({ path }) => path),
      'Import from the file that has it; a barrel hides where things are and loads everything.',
    );
  });

  it('files are named in kebab-case', () => {
    const pattern = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*\.ts$/;
    const odd = files.filter(({ path }) => !pattern.test(basename(path)) || /[A-Z_]/.test(dirname(path)));
    none(
      odd.map(({ path }) => path),
      'Name the file after its main export, in-kebab-case.ts.',
    );
  });

  it('no file is longer than 400 lines of code, tests and suites 600', () => {
    const long = files
      .filter(({ path }) => !path.endsWith('.gen.ts'))
      .map(({ path, room, isTest, text }) => ({
        path,
        most: isTest || room === 'testing' ? 600 : 400,
        lines: codeLines(text),
      }))
      .filter(({ lines, most }) => lines > most)
      .map(({ path, lines, most }) => `${path} has ${lines} lines of code, ${most} are allowed`);
    none(long, 'Find the second idea in the file and give it a file of its own.');
  });

  it('every room has a lead file that opens with what the room is for', () => {
    const rooms = [...new Set(code.map(({ room }) => room))].filter((room) => room !== '' && !withoutLead.has(room));
    const folders = new Set(code.filter(({ path }) => /^drivers\/[^/]+\//.test(path)).map(({ path }) => dirname(path)));
    const wanted = [
      ...rooms.map((room) => `${room}/${leads[room] ?? `${room}.ts`}`),
      ...[...folders].filter((folder) => folder.split('/').length === 2).map((folder) => `${folder}/driver.ts`),
    ];
    const missing = wanted.filter((path) => {
      const text = files.find((file) => file.path === path)?.text.replace(/^#!.*\n/, '');
      const needsOpening = !/^drivers\/.+\/driver\.ts$/.test(path);
      return text === undefined || (needsOpening && !text.startsWith('/**'));
    });
    none(
      missing,
      'Give the room this file, opening with a doc comment: what it is for, what it promises, who may call it.',
    );
  });

  it('only what starts a process or thread reads the environment, exits, and writes to the console', () => {
    const violations = code
      .filter(({ path, room }) => !entries.has(path) && room !== 'testing')
      .flatMap(({ path, text }) =>
        Array.from(
          bare(text).matchAll(/\bprocess\.(?:env|exit|exitCode|on|once)\b|\bconsole\.\w+/g),
          ([use]) => `${path} uses ${use}`,
        ),
      );
    none(
      violations,
      'Take it as a parameter; cli/main.ts hands it in. Displays write to the stream that they are given.',
    );
  });

  it('no scheme is treated specially outside its driver', () => {
    const violations = code
      .filter(({ room, path }) => room !== 'drivers' && path !== 'model/address.ts')
      .filter(({ text }) => /\bscheme\s*[!=]==?\s*['"]|case\s+'(?:file|sqlite|postgres|memory)'/.test(text))
      .map(({ path }) => path);
    none(violations, 'Ask the driver: give Driver or Store an ability or a fact, and let every driver answer.');
  });
});

function codeLines(text: string): number {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('//')).length;
}

// A guard for the test itself: it must see the source.
assert.ok(files.length > 20, `${relative('.', src)} holds ${files.length} files`);
