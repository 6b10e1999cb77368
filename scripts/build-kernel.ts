/** Compiles src/store/rows/kernel.as.ts (AssemblyScript) into src/store/rows/kernel.gen.ts. Run it after changing the
 *  kernel; row-digest.test.ts fails while the two do not belong together. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const room = fileURLToPath(new URL('../src/store/rows/', import.meta.url));

/** The text of kernel.gen.ts as the source demands it. */
export async function buildKernel(): Promise<string> {
  let wasm: Uint8Array | undefined;
  const { error } = await asc.main(
    ['kernel.as.ts', '--baseDir', room, '--outFile', 'kernel.wasm', '-O3', '--noAssert', '--runtime', 'stub'],
    { writeFile: (name, contents) => void (name === 'kernel.wasm' && (wasm = contents as Uint8Array)) },
  );
  if (error || !wasm) throw new Error(`kernel.as.ts does not compile: ${String(error)}`, { cause: error });
  const base64 = Buffer.from(wasm).toString('base64');
  return `// Made by scripts/build-kernel.ts from kernel.as.ts. Do not edit.\nexport const kernelBase64 =\n  '${base64}';\n`;
}

if (import.meta.main) await writeFile(`${room}kernel.gen.ts`, await buildKernel());
