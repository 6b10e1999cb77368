/** model: the words of Waybill as types and pure functions, nothing else.
 *  Promise: no I/O, no clock, no dependency; every value here survives JSON.
 *  Callers: every room. One word per idea: see docs/glossary.md. */

/** Anything that survives JSON.stringify unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
