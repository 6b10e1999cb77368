import { z } from 'zod';

export const fsOptions = z.object({
  oneFileSystem: z
    .boolean()
    .default(false)
    .describe('Stay on the file system of the folder: what is mounted beneath it is not carried.'),
  sync: z
    .boolean()
    .default(true)
    .describe(
      'Target: wait until the disk has what is recorded. With false (as cp and rsync do) a power cut may lose files that the bill says arrived; a crash of Waybill loses nothing either way.',
    ),
  owners: z.boolean().optional().describe('Carry and compare user and group. Left out: yes as root, no otherwise.'),
});
