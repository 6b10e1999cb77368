/** What a preflight found. An `error` stops the plan from being started; a `warning` is shown and kept in the bill. */
export interface Finding {
  readonly level: 'error' | 'warning' | 'info';
  readonly code: string;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Item key, address or place in the job file. */
  readonly where?: string;
}
