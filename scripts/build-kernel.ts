/** Compiles the kernels (AssemblyScript, *.as.ts) into the *.gen.ts beside them. Run it after changing one; a test
 *  fails while source and result do not belong together. */
import { writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

export const kernels = [
  'store/rows/kernel',
  'drivers/sqlite/page-kernel',
  'drivers/postgres/frame-kernel',
  'drivers/tabular/text-kernel',
  'drivers/tabular/column-kernel',
  'drivers/tabular/vector-kernel',
  'drivers/mysql/row-kernel',
  'drivers/mysql/load-kernel',
] as const;

const pathOf = (kernel: string, ending: string): string =>
  fileURLToPath(new URL(`../src/${kernel}${ending}`, import.meta.url));

/** The text of a kernel's .gen.ts as its source demands it. */
export async function buildKernel(kernel: (typeof kernels)[number]): Promise<string> {
  const source = pathOf(kernel, '.as.ts');
  let wasm: Uint8Array | undefined;
  const { error } = await asc.main(
    [
      basename(source),
      '--baseDir',
      dirname(source),
      '--outFile',
      'kernel.wasm',
      '-O3',
      '--noAssert',
      '--runtime',
      'stub',
    ],
    { writeFile: (name, contents) => void (name === 'kernel.wasm' && (wasm = contents as Uint8Array)) },
  );
  if (error || !wasm) throw new Error(`${source} does not compile: ${String(error)}`, { cause: error });
  const base64 = Buffer.from(wasm).toString('base64');
  return `// Made by scripts/build-kernel.ts from ${basename(source)}. Do not edit.\nexport const kernelBase64 =\n  '${base64}';\n`;
}

if (import.meta.main) {
  for (const kernel of kernels) await writeFile(pathOf(kernel, '.gen.ts'), await buildKernel(kernel));
}
