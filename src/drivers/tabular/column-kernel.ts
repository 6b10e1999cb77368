import { kernelBase64 } from './column-kernel.gen.ts';

/** Neither TypeScript's esnext library nor Node's types declare this global. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Global<T> {
  readonly value: T;
}

/** column-kernel.as.ts as it is called from here. */
export interface ColumnKernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly out: Global<number>;
  readonly nulls: Global<number>;
  readonly seen: Global<number>;
  readonly least: Global<bigint>;
  readonly greatest: Global<bigint>;
  readonly leastFloat: Global<number>;
  readonly greatestFloat: Global<number>;
  readonly leastAt: Global<number>;
  readonly leastLength: Global<number>;
  readonly greatestAt: Global<number>;
  readonly greatestLength: Global<number>;
  locate(from: number, to: number, columns: number, cells: number): number;
  emit(kind: number, scale: number, cells: number, stride: number, rows: number, into: number, levels: number): number;
}

const kernelModule = new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'));

export const startColumnKernel = (): ColumnKernel =>
  new WebAssembly.Instance(kernelModule, {
    env: {
      abort() {
        throw new Error('the column kernel was aborted');
      },
    },
  }).exports as ColumnKernel;
