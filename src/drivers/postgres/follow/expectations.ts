/** Rows that each statement of a pipeline must touch, in order; undefined: any number. */
export type Expectations = (number | undefined)[];

/** Index of the first statement that touched another number of rows. */
export function unmet(expected: Expectations, counts: readonly number[]): number | undefined {
  const at = counts.findIndex((count, i) => expected[i] !== undefined && expected[i] !== count);
  return at < 0 ? undefined : at;
}
