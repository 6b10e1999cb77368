import { kernelBase64 } from './vector-kernel.gen.ts';

/** Neither TypeScript's esnext library nor Node's types declare this global. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** vector-kernel.as.ts as it is called from here. */
export interface VectorKernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly out: { readonly value: number };
  readonly refused: { readonly value: number };
  readonly mostBytes: { readonly value: number };
  base(): number;
  rows(count: number, columns: number, columnCount: number, into: number, refusals: number): void;
}

const kernelModule = new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'));

export const startVectorKernel = (): VectorKernel =>
  new WebAssembly.Instance(kernelModule, {
    env: {
      abort() {
        throw new Error('the vector kernel was aborted');
      },
    },
  }).exports as VectorKernel;
