/** `npm run build`: a publishable `dist` from `src`: the library as modules with their types, the program as a bundle.
 *  Loading one module costs Node about 0.3 ms, and the program with what it uses has 250: bundled, a run that has
 *  nothing to do ends 50 ms sooner. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';

/** Bundled, and their licenses with them. What is native or seldom used stays a package of its own. */
const bundled = ['commander', 'picocolors', 'zod'];

const othersApart: Plugin = {
  name: 'others-apart',
  setup(program) {
    program.onResolve({ filter: /^[^./]/, namespace: 'file' }, ({ path, kind }) =>
      kind === 'entry-point' || bundled.includes(path) ? undefined : { path, external: true },
    );
  },
};

/** Translations of messages that nobody is shown: half of zod. */
const withoutLocales: Plugin = {
  name: 'without-locales',
  setup(program) {
    program.onResolve({ filter: /\/locales\/index\.js$/ }, ({ path }) => ({ path, namespace: 'empty' }));
    program.onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'export {}' }));
  },
};

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
await build({
  // Beside one another, so that a module finds its neighbours by import.meta.url wherever it ended up.
  entryPoints: {
    main: 'src/cli/main.ts',
    'worker-thread': 'src/worker-thread.ts',
    'compare-thread': 'src/drivers/fs/compare-thread.ts',
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  plugins: [othersApart, withoutLocales],
  logLevel: 'warning',
});
const license = (name: string): string => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8')}`;
writeFileSync('dist/bundled-licenses.txt', bundled.map(license).join('\n'));
copyFileSync('src/config/waybill.schema.json', 'dist/config/waybill.schema.json');
console.log('dist is built; `npm pack` makes the package.');
