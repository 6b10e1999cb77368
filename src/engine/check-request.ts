import { standingOf } from '../cutover/protocol.ts';
import type { RunHeader, RunRequest } from '../journal/journal.ts';
import { MigrationError } from '../model/migration-error.ts';
import { isOver, notFollowed, type Progress } from '../model/progress.ts';

/** Throws `cutover.refused` for a request that a run could never meet from where it stands, and says what it could. */
export function checkRequest(request: RunRequest, { id, job }: RunHeader, progress: Progress): void {
  const refuse = (message: string, hint: string) => new MigrationError('cutover.refused', message, { hint, where: id });
  if (isOver(progress.state))
    throw refuse(`Run ${id} is over: it is ${progress.state}.`, '`waybill bill` shows how it ended.');
  if (request === 'pause') return;
  const index = job.shipments.findIndex(({ strategy }) => strategy === 'hybrid');
  const followed = progress.followed[index] ?? notFollowed;
  const standing = standingOf(followed);
  const atSource = standing === 'at source' || standing === 'stopped going';
  const phase = progress.phases[index] ?? 'planned';
  if (request === 'cancel') {
    if (atSource) return;
    throw refuse(`Run ${id} has switched: writers are at the target.`, wayOn(followed.reversedAt));
  }
  if (index < 0) {
    throw refuse(
      `Run ${id} does not follow its source: there is nothing to cut over.`,
      'Only `strategy: hybrid` does.',
    );
  }
  if (request === 'cutover') {
    if (!atSource) throw refuse(`Run ${id} has switched already.`, wayOn(followed.reversedAt));
    if (phase === 'planned' || phase === 'copying') {
      throw refuse(`Run ${id} is not ready: it is ${phase}.`, '`waybill status` says when it is following or ready.');
    }
    return;
  }
  if (atSource) {
    throw refuse(`Run ${id} has not switched: writers are at the source.`, '`waybill cancel` gives the run up.');
  }
  if (followed.reversedAt === undefined) {
    throw refuse(`Run ${id} keeps no way back.`, 'A job keeps it with `cutover: { reverse: true }`.');
  }
}

const wayOn = (reversedAt: string | undefined): string =>
  reversedAt === undefined
    ? 'Without `cutover: { reverse: true }` there is no way back but another run from target to source.'
    : '`waybill rollback` goes back, `waybill finish` gives up the way back.';
