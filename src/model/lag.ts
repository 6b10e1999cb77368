/** How far a target is behind the source it follows. */
export interface Lag {
  /** Of the source's log, not yet applied. */
  readonly bytes: number;
  /** Age of the oldest change that is not yet applied; 0 when there is none. */
  readonly seconds: number;
  /** Not yet applied, where the source can tell. */
  readonly transactions?: number;
  /** Of its log, kept at the source for this run. */
  readonly keptBytes: number;
}
