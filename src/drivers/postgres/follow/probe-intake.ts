import type { Finding } from '../../../model/finding.ts';
import type { FollowOptions } from '../../../model/job.ts';
import type { Server } from '../clone/pair-servers.ts';

export async function probeIntake(_server: Server, _options: FollowOptions, _signal: AbortSignal): Promise<Finding[]> {
  return [];
}
