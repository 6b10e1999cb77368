import type { ChangeBatch, Intake } from '../../../store/following.ts';
import type { Server } from '../clone/pair-servers.ts';
import { writeCounters } from './counters.ts';
import { IntakeSession } from './intake-session.ts';
import { closeTarget, endIntake, openTarget, readPosition } from './position-table.ts';
import { probeIntake } from './probe-intake.ts';

/** Applies the changes of a PostgreSQL database, their position in the same transaction. */
export function createIntake(server: Server): Intake | undefined {
  const { connections } = server;
  const session = new IntakeSession(connections);
  return {
    probe: (options, signal) => probeIntake(server, options, signal),
    async position(run, signal) {
      session.giveUp();
      return connections.use('read the position', signal, (connection) => readPosition(connection, run));
    },
    apply: (run, batch: ChangeBatch, signal) => session.apply(run, batch, signal),
    setCounters: (counters, signal) =>
      connections.use('set the sequences', signal, (connection) => writeCounters(connection, counters)),
    close: (run, signal) =>
      connections.use('keep writers out of the target', signal, (connection) => closeTarget(connection, run)),
    open: (run, signal) =>
      connections.use('let writers into the target', signal, (connection) => openTarget(connection, run)),
    async end(run, signal) {
      session.giveUp();
      session.forget();
      await connections.use(`end following for run ${run}`, signal, (connection) => endIntake(connection, run));
    },
  };
}
