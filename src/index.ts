/** Waybill's public door: plan, run, resume, verify and restore from a program of your own.
 *
 *  ```ts
 *  const secrets = createSecretKeeper({ env: process.env, readFile: (path) => readFile(path, 'utf8') });
 *  await using engine = await openWaybill({ stateFolder: '.waybill', secrets });
 *  const job = readJob(await readFile('waybill.yaml', 'utf8'), 'waybill.yaml', { registry, cwd: process.cwd(), workers: 2 });
 *  await using plan = await engine.plan(job, { signal });
 *  const run = await engine.start(plan, { signal, onEvent: (event) => … });
 *  const { outcome, bill } = await run.result;
 *  ```
 *
 *  What is not exported here may change in any version. */
import { drivers } from './drivers/all.ts';
import { createRegistry } from './store/registry.ts';

/** The stores that this installation opens. */
export const registry = createRegistry(drivers);

export { jobFromFlags, type JobContext, type JobOverrides } from './config/config.ts';
export { readJob } from './config/read-job.ts';
export { createSecretKeeper, type SecretKeeper, type SecretSources } from './config/secrets.ts';
export { openWaybill, type WaybillOptions } from './open-waybill.ts';
export type {
  Engine,
  Plan,
  PlanOptions,
  Run,
  RunOptions,
  RunResult,
  RunSummary,
  Verification,
  VerifyOptions,
} from './engine/engine.ts';
export type { PlanTotals, RunHeader, RunRequest, Totals } from './journal/journal.ts';
export type { PlannedShipment } from './plan/plan.ts';
export { codes, type ErrorCode } from './model/codes.ts';
export { MigrationError, type ErrorRecord } from './model/migration-error.ts';
export { advance, noProgress, type Progress, type RunState } from './model/progress.ts';
export type { Difference } from './model/difference.ts';
export type { BackupRecord, Outcome, RunEvent, Tick } from './model/event.ts';
export type { Finding } from './model/finding.ts';
export type { Lag } from './model/lag.ts';
export type { Chunk, Item, ItemKind } from './model/item.ts';
export type { CutoverOptions, Depth, Endpoint, FollowOptions, Into, Job, Shipment, StrategyName } from './model/job.ts';
export type { Phase } from './model/phase.ts';
export type { Receipt, Reject } from './model/receipt.ts';
export type { Driver, Draft, Payload, Sink, Source, Store } from './store/store.ts';
export type { OptionSchema, OptionValues } from './store/options.ts';
export type { Bill } from './verify/bill.ts';
export { verifyBill, type BillCheck } from './verify/verify-bill.ts';
