/** `npm run build`: a publishable `dist` from `src`. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
copyFileSync('src/config/waybill.schema.json', 'dist/config/waybill.schema.json');
console.log('dist is built; `npm pack` makes the package.');
