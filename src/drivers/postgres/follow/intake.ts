import type { Intake } from '../../../store/following.ts';
import type { Server } from '../clone/pair-servers.ts';

export function createIntake(_server: Server): Intake | undefined {
  return undefined;
}
