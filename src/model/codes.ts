interface CodeEntry {
  /** Trying the same thing again may help. The retrying wrapper asks this and nothing else. */
  readonly retryable: boolean;
  /** 1 failed · 2 wrong use or configuration · 3 differences or items not carried · 4 unreachable or refused · 130 paused */
  readonly exit: 1 | 2 | 3 | 4 | 130;
  readonly http: number;
  /** A paragraph for the user: what it means and what to do. docs/errors.md is generated from it. */
  readonly help: string;
}

/** Every error code. docs/errors.md is generated from this table (`npm run check` holds them together). */
export const codes = {
  'address.invalid': {
    retryable: false,
    exit: 2,
    http: 400,
    help: 'The address cannot be read. See the list of addresses in docs/addresses.md; `waybill connectors` prints what this installation opens.',
  },
  'address.unknown-scheme': {
    retryable: false,
    exit: 2,
    http: 400,
    help: 'No driver opens this scheme. `waybill connectors` lists those that are installed.',
  },
  'config.invalid': {
    retryable: false,
    exit: 2,
    http: 400,
    help: 'The job file, a flag or an option is wrong. The message names the file, line and column and, for a mistyped word, the nearest known one.',
  },
  'config.secret-missing': {
    retryable: false,
    exit: 2,
    http: 400,
    help: 'A secret reference such as ${env:NAME} or ${file:/path} points at nothing. Set the variable or create the file; the secret itself is never written in the job.',
  },
  'plan.refused': {
    retryable: false,
    exit: 2,
    http: 409,
    help: 'The plan has findings of level error, so nothing was started and nothing was written. Each finding says how to mend it.',
  },
  'plan.name-clash': {
    retryable: false,
    exit: 2,
    http: 409,
    help: 'Two items of the source would get the same name at the target, for example after folding to lower case. Rename one, exclude one, or keep names as they are with `names: keep`.',
  },
  'source.missing': {
    retryable: false,
    exit: 4,
    http: 404,
    help: 'The source does not exist or is not of the kind that the address says.',
  },
  'source.moved': {
    retryable: false,
    exit: 1,
    http: 409,
    help: 'The source changed while it was read or since the run was paused, so chunks read before and after do not belong together. The run copies what is affected anew.',
  },
  'source.altered': {
    retryable: false,
    exit: 1,
    http: 409,
    help: 'A table was altered, created or dropped at the source while it was followed. The message names it. Make the same change at the target and resume, or let the job say `ddl: ignore`.',
  },
  'source.filling': {
    retryable: false,
    exit: 1,
    http: 507,
    help: 'The log that the source keeps for this run has passed the limit of the job, and would fill its disk. Find out why the target is slower than the source; raise `keep`, or cancel the run, which lets the log go.',
  },
  'source.busy-writers': {
    retryable: false,
    exit: 1,
    http: 409,
    help: 'Transactions at the source did not end in time, so it could not be frozen. The source was let go on. End them, or let the job say `writers: end`.',
  },
  'target.conflict': {
    retryable: false,
    exit: 1,
    http: 409,
    help: 'A row at the target is not as the change from the source found it: somebody else wrote to the target, or a trigger did. The message names table and key.',
  },
  'cutover.over-budget': {
    retryable: false,
    exit: 1,
    http: 409,
    help: 'The cutover would have kept the source still for longer than its budget. The source was let go on, and following with it. Ask for the cutover again when the source is quieter, or raise the budget.',
  },
  'cutover.command-failed': {
    retryable: false,
    exit: 1,
    http: 409,
    help: 'The program of `cutover.command` did not end with 0, or not in time. The source was let go on, and following with it. Correct the program and ask for the cutover again; it must be safe to run twice.',
  },
  'cutover.refused': {
    retryable: false,
    exit: 2,
    http: 409,
    help: 'A cutover, the way back, or the end of a run was asked for where it cannot be: the message says where the run stands and what can be done there.',
  },
  'target.not-empty': {
    retryable: false,
    exit: 2,
    http: 409,
    help: 'The target already holds items of the same name. Say what should happen to them: `--into replace` (swap them), `append` (add rows or files) or `merge` (update by key).',
  },
  'store.unreachable': {
    retryable: true,
    exit: 4,
    http: 502,
    help: 'The store does not answer. Check host, port and network; the run can be resumed when it is back.',
  },
  'store.denied': {
    retryable: false,
    exit: 4,
    http: 403,
    help: 'The store refuses the user, the password or the right. The message names what was asked for.',
  },
  'store.full': {
    retryable: false,
    exit: 4,
    http: 507,
    help: 'The target has no room left. Make room, then resume: chunks that were recorded are not sent again.',
  },
  'store.busy': {
    retryable: true,
    exit: 4,
    http: 503,
    help: 'The store is locked or overloaded. Waybill waits and tries again; if it stays so, find who holds the lock and resume.',
  },
  'store.unsupported': {
    retryable: false,
    exit: 2,
    http: 400,
    help: 'The store cannot do what the job asks of it. The message says what it can do.',
  },
  'tool.missing': {
    retryable: false,
    exit: 2,
    http: 500,
    help: 'A program that this job needs is not installed. The hint names the package.',
  },
  'draft.lost': {
    retryable: false,
    exit: 1,
    http: 409,
    help: 'A half-written item can no longer be found at the target, so it cannot be completed. The run starts that item anew.',
  },
  'chunk.corrupt': {
    retryable: true,
    exit: 1,
    http: 500,
    help: 'What the target stored is not what was read: counts or digests differ. The chunk is sent again; if it stays so, a trigger, a proxy or a disk changes data underway.',
  },
  'item.changed': {
    retryable: true,
    exit: 3,
    http: 409,
    help: 'An entry changed or vanished while it was read. It is read again; if it keeps changing it is named in the bill and the rest arrives. Quiesce the writer or run again with `--strategy incremental`.',
  },
  'item.unreadable': {
    retryable: false,
    exit: 3,
    http: 403,
    help: 'An entry of the source cannot be read. The others are carried; this one is named in the bill.',
  },
  'value.unfit': {
    retryable: false,
    exit: 1,
    http: 422,
    help: 'A value does not fit the column it is meant for (too long, out of range, not a number or date). The message names table, key and column. Allow a number of such rows with `--max-quarantine N`: they are listed in the bill by key, and the exit code is 3.',
  },
  'value.nul': {
    retryable: false,
    exit: 1,
    http: 422,
    help: 'A text holds a NUL byte, which PostgreSQL cannot store. The message names table, key and column. Clean it at the source, or allow quarantine with `--max-quarantine N`.',
  },
  'reference.broken': {
    retryable: false,
    exit: 3,
    http: 409,
    help: 'Rows refer to rows that do not exist, so a foreign key cannot be valid. The message names the keys. The data has arrived; the constraint has not.',
  },
  'index.broken': {
    retryable: false,
    exit: 3,
    http: 409,
    help: 'An index or unique constraint cannot be built on the rows as they are. The message names the rows.',
  },
  'verify.differs': {
    retryable: false,
    exit: 3,
    http: 409,
    help: 'Source and target are not equal. Every difference is named by item and key.',
  },
  'bill.invalid': {
    retryable: false,
    exit: 3,
    http: 422,
    help: 'The bill or its manifest was changed after it was signed, or was signed with another key.',
  },
  'run.unknown': {
    retryable: false,
    exit: 2,
    http: 404,
    help: 'No run of this id is in the journal. `waybill runs` lists them; `--state DIR` says where the journal is.',
  },
  'run.busy': {
    retryable: false,
    exit: 2,
    http: 409,
    help: 'Another process is working on this run. Wait for it or stop it; two processes never share a run.',
  },
  'run.paused': {
    retryable: false,
    exit: 130,
    http: 409,
    help: 'The run was paused by a signal or by request. What is recorded stays; `waybill resume RUN` goes on.',
  },
  'journal.broken': {
    retryable: false,
    exit: 1,
    http: 500,
    help: 'The journal cannot be read or written: no room, no right, or a damaged file.',
  },
  internal: {
    retryable: false,
    exit: 1,
    http: 500,
    help: 'Something unforeseen. The message is all there is; `--json` and the journal hold the rest. Please report it.',
  },
} as const satisfies Record<string, CodeEntry>;

export type ErrorCode = keyof typeof codes;
